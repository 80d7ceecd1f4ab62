"""One POST and what it came to, for every way the broker can answer (RELIABILITY 4, 5)."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from senex.broker.gateway import open_gateway
from senex.domain.errors import Unavailable, UsageProblem
from senex.domain.legs import Action, Leg
from senex.domain.orders import BrokerStatus
from senex.ports.broker import Accepted, Ambiguous, RefusedByBroker, Submission
from tests.simulated import simulated

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.gateway.gateway_support import Desk
    from tests.simulated import Simulated


async def test_an_accepted_order_is_found_everywhere_by_its_identifier(desk: Desk) -> None:
    ticket = await desk.ticket()
    outcome = await desk.gateway.submit(ticket)
    assert isinstance(outcome, Accepted)
    assert outcome.order.price == ticket.limit_price
    assert [(leg.symbol, leg.action, leg.quantity) for leg in outcome.order.legs] == [
        (leg.symbol, leg.action, leg.quantity) for leg in ticket.legs
    ]
    assert [order.id for order in await desk.sent(ticket)] == [outcome.order.id]
    since = desk.clock.now().date() - timedelta(days=1)
    history = await desk.gateway.order_history(desk.number, since)
    assert ticket.external_identifier in {order.external_identifier for order in history}
    assert (await desk.gateway.order(desk.number, outcome.order.id)).external_identifier == (
        ticket.external_identifier
    )


async def test_the_history_is_read_to_its_last_page(desk: Desk) -> None:
    tickets = [await desk.ticket() for _ in range(3)]
    for _ in range(20):
        for ticket in tickets:
            unique = replace(
                ticket, external_identifier=f"{ticket.external_identifier}-{time.monotonic_ns()}"
            )
            outcome = await desk.gateway.submit(unique)
            assert isinstance(outcome, Accepted)
            await desk.gateway.cancel(desk.number, outcome.order.id)
    since = desk.clock.now().date() - timedelta(days=1)
    assert len(await desk.gateway.order_history(desk.number, since)) >= 60


async def test_a_debit_keeps_its_sign(desk: Desk) -> None:
    ticket = await desk.ticket(price="-0.01")
    bought = replace(
        ticket,
        legs=tuple(
            Leg(
                leg.symbol,
                Action.BUY_TO_OPEN if leg.action is Action.SELL_TO_OPEN else Action.SELL_TO_OPEN,
                1,
            )
            for leg in ticket.legs
        ),
    )
    outcome = await desk.gateway.submit(bought)
    assert isinstance(outcome, Accepted)
    assert outcome.order.price == Decimal("-0.01")


async def test_a_strict_close_without_a_position_is_refused_not_opened(desk: Desk) -> None:
    ticket = await desk.ticket(strict=True)
    closing = replace(
        ticket,
        legs=(
            Leg(ticket.legs[0].symbol, Action.BUY_TO_CLOSE, 1),
            Leg(ticket.legs[1].symbol, Action.SELL_TO_CLOSE, 1),
        ),
        limit_price=Decimal("-0.05"),
    )
    outcome = await desk.gateway.submit(closing)
    if isinstance(outcome, Accepted):
        assert outcome.order.status is BrokerStatus.REJECTED
    else:
        assert isinstance(outcome, RefusedByBroker)
        assert not outcome.retriable


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429])
async def test_the_brokers_own_refusal_is_definite(desk: Desk, simulator: Simulated, status: int) -> None:
    ticket = await desk.ticket()
    simulator.fault(endpoint="orders", mode="status", status=status)
    outcome = await desk.gateway.submit(ticket)
    assert isinstance(outcome, RefusedByBroker)
    assert outcome.retriable == (status in {401, 429})
    assert await desk.sent(ticket) == []


@pytest.mark.parametrize(
    ("fault", "placed"),
    [
        *(({"mode": "status", "status": status}, 0) for status in (408, 409, 425, 500, 502, 503)),
        *(({"mode": "html", "status": status}, 0) for status in (401, 422, 502)),
        ({"mode": "html", "status": 201}, 0),
        ({"mode": "drop"}, 0),
        ({"mode": "status-after-accept", "status": 503}, 1),
        ({"mode": "html-after-accept", "status": 502}, 1),
        ({"mode": "html-after-accept", "status": 201}, 1),
        ({"mode": "drop-after-accept"}, 1),
    ],
)
async def test_anything_else_is_ambiguous_and_never_sent_twice(
    desk: Desk, simulator: Simulated, fault: dict[str, object], placed: int
) -> None:
    ticket = await desk.ticket()
    simulator.fault(endpoint="orders", **fault)
    outcome: Submission = await desk.gateway.submit(ticket)
    assert isinstance(outcome, Ambiguous)
    assert outcome.why
    assert len(await desk.sent(ticket)) == placed


async def test_an_answer_after_the_deadline_is_ambiguous_too(desk: Desk, simulator: Simulated) -> None:
    ticket = await desk.ticket()
    async with open_gateway(simulator.access, clock=desk.clock, deadline=2.0) as gateway:
        await gateway.prepare()
        simulator.fault(endpoint="orders", mode="delay", seconds=30)
        outcome = await gateway.submit(ticket)
    assert isinstance(outcome, Ambiguous)
    assert len(await desk.sent(ticket)) == 1


async def test_a_token_that_expired_in_mid_order_gives_a_safe_second_attempt(
    desk: Desk, simulator: Simulated
) -> None:
    ticket = await desk.ticket()
    simulator.fault(endpoint="token", mode="expire")
    first = await desk.gateway.submit(ticket)
    assert isinstance(first, RefusedByBroker)
    assert (first.code, first.retriable) == ("E_BROKER_TOKEN", True)
    second = replace(ticket, external_identifier=f"{ticket.external_identifier}-2")
    await desk.gateway.prepare()
    assert isinstance(await desk.gateway.submit(second), Accepted)
    assert await desk.sent(ticket) == []


async def test_a_login_that_fails_is_definite(desk: Desk, simulator: Simulated) -> None:
    ticket = await desk.ticket()
    wrong = replace(simulator.access, client_secret="wrong")
    async with open_gateway(wrong, clock=desk.clock) as gateway:
        outcome = await gateway.submit(ticket)
    assert isinstance(outcome, RefusedByBroker)
    assert (outcome.code, outcome.retriable) == ("E_BROKER_TOKEN", False)
    async with open_gateway(simulator.access, clock=desk.clock) as gateway:
        simulator.fault(endpoint="token", mode="status", status=503)
        outcome = await gateway.submit(ticket)
    assert isinstance(outcome, RefusedByBroker)
    assert outcome.code == "E_BROKER_AWAY"
    assert await desk.sent(ticket) == []


async def test_an_order_released_too_long_ago_is_not_sent(desk: Desk) -> None:
    ticket = await desk.ticket()
    outcome = await desk.gateway.submit(ticket, first_byte_by=time.monotonic() - 0.001)
    assert isinstance(outcome, RefusedByBroker)
    assert outcome.code == "E_TOO_LATE"
    assert await desk.sent(ticket) == []


async def test_an_order_whose_connection_takes_too_long_is_not_sent(desk: Desk, simulator: Simulated) -> None:
    """The time counts to the first byte, not to the moment the call began."""
    ticket = await desk.ticket()
    async with open_gateway(simulator.access, clock=desk.clock) as gateway:
        await gateway.holdings(desk.number)
        # the only connection is busy, so that another must be made; meanwhile the loop stalls
        busy = asyncio.create_task(gateway.holdings(desk.number))
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_soon(time.sleep, 0.3)
        outcome = await gateway.submit(ticket, first_byte_by=time.monotonic() + 0.2)
        await busy
    assert isinstance(outcome, RefusedByBroker)
    assert outcome.code == "E_TOO_LATE"
    assert await desk.sent(ticket) == []


async def test_the_raw_answer_is_recorded_with_the_orders_identifier(
    desk: Desk, simulator: Simulated
) -> None:
    ticket = await desk.ticket()
    simulator.fault(endpoint="orders", mode="html-after-accept", status=502)
    await desk.gateway.submit(ticket)
    (answer,) = [each for each in desk.exchanges if each.method == "POST" and each.path.endswith("/orders")]
    assert answer.status == 502
    assert answer.body.startswith("<html>")
    assert answer.external_identifier == ticket.external_identifier


async def test_a_broker_that_is_gone_was_sent_nothing(tmp_path: Path, desk: Desk) -> None:
    ticket = await desk.ticket()
    with simulated(tmp_path / "gone") as gone:
        async with open_gateway(gone.access, clock=desk.clock) as gateway:
            await gateway.accounts()
            gone.kill()
            with pytest.raises(Unavailable) as caught:
                await gateway.holdings(gone.account)
            assert caught.value.code == "E_BROKER_AWAY"
            outcome = await gateway.submit(replace(ticket, account_number=gone.account))
            assert isinstance(outcome, RefusedByBroker)
            assert outcome.code == "E_BROKER_AWAY"
            gone.start()


async def test_alerts_that_cannot_be_read_are_refused_not_guessed(desk: Desk) -> None:
    assert desk.gateway.read_alert('{"type":"AccountBalance","data":{}}') is None
    for text in ("", "[]", '{"type":"Order","data":{"id":1,"status":"Dead"}}'):
        with pytest.raises(UsageProblem) as caught:
            desk.gateway.read_alert(text)
        assert caught.value.code == "E_BROKER_ANSWER"


async def test_a_replacement_is_one_put_under_a_name_of_its_own(desk: Desk) -> None:
    ticket = await desk.ticket()
    old = await desk.gateway.submit(ticket)
    assert isinstance(old, Accepted)
    better = replace(
        ticket, limit_price=Decimal("2.60"), external_identifier=f"{ticket.external_identifier}-2"
    )
    outcome = await desk.gateway.replace(old.order.id, better)
    assert isinstance(outcome, Accepted)
    new = outcome.order
    assert (new.price, new.replaces, new.external_identifier) == (
        better.limit_price,
        old.order.id,
        better.external_identifier,
    )
    assert [leg.quantity for leg in new.legs] == [leg.quantity for leg in ticket.legs]
    assert (await desk.gateway.order(desk.number, old.order.id)).replaced_by == new.id
    [put] = [each for each in desk.exchanges if each.method == "PUT"]
    assert put.external_identifier == better.external_identifier
    again = await desk.gateway.replace(old.order.id, better)
    assert isinstance(again, RefusedByBroker)
    assert (again.code, again.retriable) == ("E_BROKER_PREFLIGHT", False)


@pytest.mark.parametrize(
    ("fault", "placed"),
    [
        ({"mode": "status", "status": 503}, 0),
        ({"mode": "drop-after-accept"}, 1),
        ({"mode": "html-after-accept", "status": 201}, 1),
    ],
)
async def test_a_replacement_whose_answer_says_nothing_is_ambiguous(
    desk: Desk, simulator: Simulated, fault: dict[str, object], placed: int
) -> None:
    ticket = await desk.ticket()
    old = await desk.gateway.submit(ticket)
    assert isinstance(old, Accepted)
    better = replace(
        ticket, limit_price=Decimal("2.60"), external_identifier=f"{ticket.external_identifier}-2"
    )
    simulator.fault(endpoint="replace", **fault)
    assert isinstance(await desk.gateway.replace(old.order.id, better), Ambiguous)
    assert len(await desk.sent(better)) == placed
