"""Submissions whose outcome was lost: adopted, given up, found too late, doubled. Never a second order kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from senex.domain.decisions import DecisionKind
from senex.domain.orders import AttemptStatus, BrokerStatus, OrderKind, OrderStatus
from senex.domain.positions import PositionStatus
from senex.ports.broker import Ambiguous
from senex.services.resolve import HORIZON
from senex.store.queries import Reads
from tests.integration.test_use_cases import Desk, desk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    from senex.domain.orders import Attempt

__all__ = ["desk"]
LOST = Ambiguous("the connection broke before an answer")


@pytest.fixture
async def reads(console_url: str) -> AsyncIterator[Reads]:
    reads = Reads(console_url)
    yield reads
    await reads.close()


async def lose(desk: Desk, *, arrived: bool) -> UUID:
    """Approve an entry whose answer is lost; the broker has it, or not."""
    desk.broker.answers = [LOST]
    suggestion = await desk.suggest()
    async with desk.units() as tx:
        stored = await tx.suggestions.get(suggestion)
    decision = await desk.decide(
        DecisionKind.APPROVE, suggestion_id=suggestion, version=stored.version, digest=stored.digest
    )
    while not desk.broker.posts:
        for each in await desk.work():
            await desk.run(each)
            if desk.broker.posts:
                break
    if not arrived:
        desk.broker.orders.clear()
    async with desk.units() as tx:
        _, answer = await tx.suggestions.decision(decision)
    assert answer is not None
    assert answer.order_id is not None
    return answer.order_id


async def age(desk: Desk, by: timedelta) -> None:
    async with desk.engine.begin() as connection:
        await connection.execute(
            text("UPDATE attempt SET sending_machine = sending_machine - :by"), {"by": by}
        )


async def _attempt(desk: Desk, order: UUID) -> Attempt:
    async with desk.units() as tx:
        return (await tx.orders.attempts(order))[-1]


async def _reconcile(desk: Desk) -> None:
    account = await desk.account()
    await desk.offer("reconcile", account, account)
    await desk.drain()


async def test_one_that_arrived_is_adopted_and_its_alarm_goes(desk: Desk, reads: Reads) -> None:
    order = await lose(desk, arrived=True)
    assert (await desk.order(order)).status is OrderStatus.UNKNOWN
    assert [one.code for one in await reads.alarms()] == ["OUTCOME_UNKNOWN"]
    await desk.drain()
    found = await desk.order(order)
    assert found.status is OrderStatus.WORKING
    attempt = await _attempt(desk, order)
    assert (attempt.status, attempt.broker_order_id) == (AttemptStatus.ACCEPTED, found.broker_order_id)
    assert await reads.alarms() == ()


async def test_one_that_never_arrived_is_given_up_only_when_that_is_proved(desk: Desk, reads: Reads) -> None:
    order = await lose(desk, arrived=False)
    await desk.drain()
    await _reconcile(desk)
    attempt = await _attempt(desk, order)
    assert (attempt.status, attempt.absent_reads) == (AttemptStatus.UNKNOWN, 0)

    await age(desk, HORIZON)
    await _reconcile(desk)

    assert (await _attempt(desk, order)).status is AttemptStatus.ABANDONED
    ended = await desk.order(order)
    assert ended.status is OrderStatus.CANCELLED
    async with desk.units() as tx:
        assert (await tx.positions.get(ended.position_id)).status is PositionStatus.EXPIRED
    assert await reads.alarms() == ()
    assert len(desk.broker.posts) == 1
    # the way is free for a fresh approval
    await desk.approve(await desk.suggest())
    assert len(desk.broker.posts) == 2


async def test_nothing_is_given_up_while_the_market_is_closed(desk: Desk) -> None:
    order = await lose(desk, arrived=False)
    desk.clock.advance(timedelta(hours=10))
    await age(desk, HORIZON)
    await _reconcile(desk)
    attempt = await _attempt(desk, order)
    assert (attempt.status, attempt.absent_reads) == (AttemptStatus.UNKNOWN, 0)


async def test_one_given_up_that_shows_itself_is_adopted_in_the_open(desk: Desk, reads: Reads) -> None:
    order = await lose(desk, arrived=True)
    hidden = dict(desk.broker.orders)
    desk.broker.orders.clear()
    await age(desk, HORIZON)
    await _reconcile(desk)
    assert (await _attempt(desk, order)).status is AttemptStatus.ABANDONED

    desk.broker.orders.update(hidden)
    await _reconcile(desk)

    found = await desk.order(order)
    assert found.status is OrderStatus.WORKING
    assert (await _attempt(desk, order)).status is AttemptStatus.ACCEPTED
    assert [one.code for one in await reads.alarms()] == ["ORDER_CAME_LATE"]
    async with desk.units() as tx:
        assert (await tx.positions.get(found.position_id)).status is PositionStatus.PENDING_ENTRY
    actions = [one.action for one in await reads.order_events(order)]
    assert "submission abandoned" in actions
    assert "order corrected" in actions
    await desk.fill(order)
    assert (await desk.order(order)).status is OrderStatus.FILLED
    async with desk.units() as tx:
        assert (await tx.positions.get(found.position_id)).status is PositionStatus.OPEN_FULL


async def test_a_doubled_request_is_found_alarmed_and_cancelled(desk: Desk, reads: Reads) -> None:
    order = await desk.order(await desk.approve(await desk.suggest()))
    assert order.broker_order_id is not None
    first = desk.broker.orders[order.broker_order_id]
    desk.broker.orders["9999"] = replace(first, id="9999")
    await _reconcile(desk)

    assert desk.broker.orders["9999"].status is BrokerStatus.CANCELLED
    assert desk.broker.orders[first.id].status is BrokerStatus.LIVE
    assert (await desk.order(order.id)).broker_order_id == first.id
    async with desk.units() as tx:
        assert list(await tx.alarms.halted_underlyings(order.account_id)) == ["QQQ"]
    # once it is known to be cancelled the alarm is over; the halt waits for a person
    assert await reads.alarms() == ()
    assert "second order found" in [one.action for one in await reads.order_events(order.id)]


@pytest.mark.parametrize("environment", ["simulated", "live"])
async def test_a_halt_that_has_outlived_its_reason_is_offered_and_lifted_when_asked(
    desk: Desk, reads: Reads, environment: str
) -> None:
    order = await desk.order(await desk.approve(await desk.suggest()))
    one = desk.broker.orders[order.broker_order_id or ""]
    desk.broker.orders["9999"] = replace(one, id="9999")
    await _reconcile(desk)
    await _reconcile(desk)
    account = await desk.account()
    assert [each.category for each in await reads.differences(account)] == ["halt_outlived"]
    decision = await desk.decide(
        DecisionKind.RECONCILE, options=["fix:halt_outlived"], reason="looked at it", operator="trader"
    )
    work = await desk.work()
    if environment == "live":
        async with desk.engine.begin() as connection:
            await connection.execute(text("UPDATE account SET environment = 'live'"))
        desk.context = replace(desk.context, environment="live")
    for each in work:
        await desk.run(each)
    await desk.drain()
    async with desk.units() as tx:
        halted = await tx.alarms.halted_underlyings(account)
    assert await desk.answer(decision) == ("done", "OK")
    if environment == "live":  # there it takes the passphrase
        assert list(halted) == ["QQQ"]
        return
    assert (halted, await reads.alarms(), await reads.differences(account)) == ({}, (), ())
    lines = await reads.journal(account_id=account)
    assert any(line.action == "difference mended" and "looked at it" in line.why for line in lines)


async def test_a_doubled_request_that_filled_is_not_booked_as_ours(desk: Desk, reads: Reads) -> None:
    order = await desk.order(await desk.approve(await desk.suggest()))
    assert order.broker_order_id is not None
    desk.broker.orders["9999"] = replace(desk.broker.orders[order.broker_order_id], id="9999")
    desk.broker.fill("9999", desk.mids(order))
    await desk.fill(order.id)
    await _reconcile(desk)

    [alarm] = [one for one in await reads.alarms() if one.code == "ORDER_DOUBLED"]
    assert "contracts of it filled" in alarm.text
    # what it filled is at the broker and not in our books, and that shows too
    assert "BOOKS_DIFFER" in {one.code for one in await reads.alarms()}
    filled = await desk.order(order.id)
    assert all(line.filled == line.leg.quantity for line in filled.lines)


async def test_a_replacement_made_elsewhere_is_no_second_order(desk: Desk, reads: Reads) -> None:
    order = await desk.order(await desk.approve(await desk.suggest()))
    assert order.broker_order_id is not None
    old = desk.broker.orders[order.broker_order_id]
    desk.broker.orders[old.id] = replace(old, status=BrokerStatus.CANCELLED)
    desk.broker.orders["9999"] = replace(old, id="9999", replaces=old.id)
    await _reconcile(desk)
    assert [one.code for one in await reads.alarms()] == ["ORDER_CAME_LATE"]
    followed = await desk.order(order.id)
    assert (followed.status, followed.broker_order_id) == (OrderStatus.WORKING, "9999")
    await _reconcile(desk)
    assert (await desk.order(order.id)).status is OrderStatus.WORKING
    assert desk.broker.orders["9999"].status is BrokerStatus.LIVE


async def test_a_target_given_up_is_placed_anew_and_its_late_twin_is_cancelled(
    desk: Desk, reads: Reads
) -> None:
    entry = await desk.approve(await desk.suggest())
    await desk.fill(entry)
    # the reconcile that a lost answer brings has adopted it; forget that, and hide it at the broker
    lost = (await desk.orders(OrderKind.TARGET))[0]
    async with desk.engine.begin() as connection:
        for statement in (
            "UPDATE attempt SET status = 'unknown', broker_order_id = NULL WHERE order_id = :id",
            "UPDATE trade_order SET status = 'unknown', broker_order_id = NULL WHERE id = :id",
        ):
            await connection.execute(text(statement), {"id": lost.id})
    name = (await _attempt(desk, lost.id)).external_identifier
    hidden = {key: one for key, one in desk.broker.orders.items() if one.external_identifier == name}
    for key in hidden:
        del desk.broker.orders[key]
    await age(desk, HORIZON)
    await _reconcile(desk)
    same = [one for one in await desk.orders(OrderKind.TARGET) if one.spread_key == lost.spread_key]
    assert sorted(one.status for one in same) == [OrderStatus.CANCELLED, OrderStatus.WORKING]

    desk.broker.orders.update(hidden)
    await _reconcile(desk)
    [twin] = hidden
    assert desk.broker.orders[twin].status is BrokerStatus.CANCELLED
    working = [one for one in await desk.orders(OrderKind.TARGET) if one.status is OrderStatus.WORKING]
    assert len(working) == 3


async def _raised(desk: Desk) -> list[tuple[str, str]]:
    """Every alarm there ever was."""
    async with desk.engine.connect() as connection:
        rows = await connection.execute(
            text("SELECT code, object_id FROM alarm ORDER BY raised_at, object_id")
        )
        return [(row.code, row.object_id) for row in rows]


async def test_a_second_order_that_came_and_went_unseen_is_found_in_history(desk: Desk, reads: Reads) -> None:
    order = await desk.order(await desk.approve(await desk.suggest()))
    assert order.broker_order_id is not None
    first = desk.broker.orders[order.broker_order_id]
    desk.broker.orders["9999"] = replace(first, id="9999", status=BrokerStatus.CANCELLED)
    for _ in range(2):
        await _reconcile(desk)
        assert await _raised(desk) == [("ORDER_DOUBLED", "9999")]
        assert await reads.alarms() == ()  # nothing is left to mend; the halt waits for a person
    async with desk.units() as tx:
        assert list(await tx.alarms.halted_underlyings(order.account_id)) == ["QQQ"]
        await tx.alarms.resume_underlying(order.account_id, "QQQ")
        await tx.commit()
    await _reconcile(desk)
    async with desk.units() as tx:
        assert await tx.alarms.halted_underlyings(order.account_id) == {}
    assert (await desk.order(order.id)).status is OrderStatus.WORKING


@pytest.mark.parametrize(
    ("name", "severity"),
    [(None, "warning"), ("senex-ffffffff-1", "critical"), ("{ours}-1", "critical")],
    ids=["somebody", "another senex", "a name of ours"],
)
async def test_an_order_that_is_nobody_s_is_said_once_seen_or_not(
    desk: Desk, reads: Reads, name: str | None, severity: str
) -> None:
    order = await desk.order(await desk.approve(await desk.suggest()))
    assert order.broker_order_id is not None
    desk.clock.advance(timedelta(seconds=1))
    first = replace(desk.broker.orders[order.broker_order_id], updated_at=desk.clock.now())
    named = None if name is None else name.format(ours=(first.external_identifier or "")[:14])
    theirs = replace(first, external_identifier=named)
    history = replace(theirs, updated_at=desk.clock.now() - timedelta(days=1))
    desk.broker.orders |= {
        "70": replace(history, id="70", status=BrokerStatus.CANCELLED),
        "71": replace(theirs, id="71", status=BrokerStatus.EXPIRED),
        "72": replace(theirs, id="72"),
    }
    for _ in range(2):
        await _reconcile(desk)
        assert await _raised(desk) == [("FOREIGN_ORDER", "71"), ("FOREIGN_ORDER", "72")]
        [alarm] = await reads.alarms()
        assert (alarm.object_id, alarm.severity) == ("72", severity)

    desk.broker.end("72", BrokerStatus.CANCELLED)
    await desk.alert("72")
    assert await reads.alarms() == ()
    await _reconcile(desk)
    assert len(await _raised(desk)) == 2
