"""Automated entries on real Postgres: off by default, within limits, one fill a day."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from dataclasses import fields, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from senex.domain.decisions import Decision, DecisionKind
from senex.domain.errors import Refused
from senex.domain.orders import OrderKind, OrderStatus
from senex.ports.records import OperatorRecord
from senex.services.context import Postponed
from senex.services.operators import check_operator
from senex.store import tables
from senex.store.repositories.base import table
from senex.testing import market
from tests.integration.test_commands import Shell, shell
from tests.integration.test_use_cases import Desk, desk

if TYPE_CHECKING:
    from senex.domain.orders import Order

__all__ = ["desk", "shell"]

CYCLE, REPEAT = "automated_daily_trade_cycle", "repeat_until_filled"
WORDS = ["symbol=QQQ", "strategy=senex_trident"]


async def switch(desk: Desk, state: str, *words: str) -> tuple[str, str]:
    decision = await desk.decide(DecisionKind.SET_AUTOMATION, state=state, options=[*WORDS, *words])
    await desk.drain()
    return await desk.answer(decision)


async def cycle(desk: Desk, job: str = CYCLE) -> None:
    account = await desk.account()
    await desk.offer(job, account, account)
    await desk.drain()


async def entries(desk: Desk) -> list[Order]:
    orders = table(tables.TradeOrder)
    statement = select(orders.c.id).where(orders.c.kind == OrderKind.ENTRY).order_by(orders.c.created_at)
    async with desk.engine.connect() as connection:
        ids = (await connection.execute(statement)).scalars().all()
    return [await desk.order(each) for each in ids]


async def skipped(desk: Desk) -> list[str]:
    audit = table(tables.Audit)
    statement = select(audit.c.why).where(audit.c.action == "automation skipped").order_by(audit.c.serial)
    async with desk.engine.connect() as connection:
        return list((await connection.execute(statement)).scalars())


async def settle(desk: Desk) -> None:
    """Do all work, what waits for other work included, as the outbox would."""
    while work := await desk.work():
        for each in work:
            with suppress(Postponed):
                await desk.run(each)


def later(desk: Desk, **by: int) -> None:
    """Time passes, and the market is quoted anew."""
    desk.clock.advance(timedelta(**by))
    desk.quotes.market = market.market(desk.broker.chain_told, at=desk.clock.now())


async def test_it_is_off_by_default(desk: Desk) -> None:
    await cycle(desk)
    assert (desk.broker.posts, await skipped(desk)) == ([], [])


async def test_a_policy_decides_and_its_decision_is_on_record(desk: Desk) -> None:
    assert await switch(desk, "on") == ("done", "OK")
    await cycle(desk)
    (order,) = await entries(desk)
    assert order.status is OrderStatus.WORKING
    decision = table(tables.Decision)
    async with desk.engine.connect() as connection:
        row = (await connection.execute(select(decision).where(decision.c.id == order.decision_id))).one()
    assert (row.operator, row.role, row.kind) == ("automation", "policy", "approve")
    async with desk.units() as tx:
        suggestion = await tx.suggestions.get(row.suggestion_id)
    assert row.digest == suggestion.digest
    assert suggestion.proposal.band.holds(order.limit_price)
    await desk.fill(order.id)
    assert len(await desk.orders(OrderKind.TARGET)) == 3


async def test_one_automated_fill_a_day(desk: Desk) -> None:
    await switch(desk, "on", "repeat")
    await cycle(desk)
    later(desk, minutes=1)
    await cycle(desk, REPEAT)
    (order,) = await entries(desk)
    await desk.fill(order.id)
    later(desk, minutes=5)
    await cycle(desk, REPEAT)
    later(desk, minutes=5)
    await cycle(desk, REPEAT)
    assert len(await entries(desk)) == 1
    assert await skipped(desk) == [
        "skipped because today's automated entry is working",
        "skipped because today's automated entry has filled",
    ]


async def test_what_has_not_filled_in_five_minutes_is_cancelled_first(desk: Desk) -> None:
    await switch(desk, "on", "repeat")
    await cycle(desk)
    later(desk, minutes=5)
    account = await desk.account()
    await desk.offer(REPEAT, account, account)
    await settle(desk)
    first, second = await entries(desk)
    assert (first.status, second.status) == (OrderStatus.CANCELLED, OrderStatus.WORKING)


async def test_a_fill_that_wins_the_race_against_that_cancel_counts(desk: Desk) -> None:
    await switch(desk, "on", "repeat")
    await cycle(desk)
    (order,) = await entries(desk)
    later(desk, minutes=5)
    account = await desk.account()
    again = await desk.offer(REPEAT, account, account)
    with pytest.raises(Postponed):
        await desk.run(again)
    assert order.broker_order_id is not None
    desk.broker.fill(order.broker_order_id, desk.mids(order))
    await settle(desk)
    assert len(await entries(desk)) == 1


async def test_without_the_option_only_ten_oclock_enters(desk: Desk) -> None:
    await switch(desk, "on")
    later(desk, minutes=20)
    await cycle(desk, REPEAT)
    await cycle(desk)
    assert await entries(desk) == []
    assert await skipped(desk) == [
        "skipped because it is 10:20 in New York, and this one is made from 10:00 to 10:15"
    ]


async def test_the_operators_limits_and_the_strategys_rules_hold(desk: Desk) -> None:
    await switch(desk, "on", "max_loss=1")
    await cycle(desk)
    await switch(desk, "on")
    desk.broker.metrics_told = market.metrics(earnings=market.DAY)
    await cycle(desk)
    assert await entries(desk) == []
    first, second = await skipped(desk)
    assert "the operator's limit is $1.00" in first
    assert "earnings" in second.lower()


async def test_every_rule_of_an_approval_applies(desk: Desk) -> None:
    await switch(desk, "on")
    await desk.decide(DecisionKind.SET_STATE, state="reduce_only", reason="storm")
    await desk.drain()
    await cycle(desk)
    assert (await entries(desk), desk.broker.posts) == ([], [])
    result = table(tables.DecisionResult)
    async with desk.engine.connect() as connection:
        rows = (await connection.execute(select(result).where(result.c.outcome == "refused"))).all()
    assert [row.code for row in rows] == ["E_RISK"]


async def test_a_refused_decision_leaves_the_day_free(desk: Desk) -> None:
    await switch(desk, "on", "repeat")
    await desk.decide(DecisionKind.SET_STATE, state="reduce_only", reason="storm")
    await desk.drain()
    await cycle(desk)
    await desk.decide(DecisionKind.SET_STATE, state="active", reason="calm")
    await desk.drain()
    later(desk, minutes=5)
    await cycle(desk, REPEAT)
    assert len(await entries(desk)) == 1


async def test_switched_off_meanwhile_nothing_is_sent(desk: Desk) -> None:
    await switch(desk, "on")
    account = await desk.account()
    await desk.run(await desk.offer(CYCLE, account, account))
    (decided,) = await desk.work()
    async with desk.units() as tx:
        automation = await tx.automations.get(account)
        assert automation is not None
        await tx.automations.set(
            account, replace(automation, enabled=False), by="trader", now=desk.clock.now()
        )
        await tx.commit()
    await desk.run(decided)
    assert (await entries(desk), desk.broker.posts) == ([], [])


async def test_two_runs_of_one_account_make_one_decision(desk: Desk) -> None:
    """The second has looked before the first decided."""
    await switch(desk, "on", "repeat")
    account = await desk.account()
    first = await desk.offer(CYCLE, account, account)
    second = await desk.offer(REPEAT, account, account)
    wanted = desk.quotes.wanted

    async def slow(symbols: set[str], *, timeout: float) -> object:
        desk.quotes.wanted = wanted  # type: ignore[method-assign]
        await desk.run(first)
        return await wanted(symbols, timeout=timeout)

    desk.quotes.wanted = slow  # type: ignore[method-assign,assignment]
    with pytest.raises(Postponed):
        await desk.run(second)
    await desk.drain()
    assert len(await entries(desk)) == 1


async def test_commands_set_and_show_it(shell: Shell) -> None:
    unasked = await shell.senex("automation", "set", "on", "--reason", "test")
    assert (unasked.code, "E_NOT_CONFIRMED" in unasked.err) == (4, True)
    async with shell.daemon():
        done = await shell.senex(
            "automation", "set", "on", "--max-loss", "400", "--repeat", "--reason", "test", "--yes", "--json"
        )
        assert (done.code, done.json["result"]["outcome"]) == (0, "done"), done
        high = await shell.senex(
            "automation", "set", "on", "--min-score", "1000", "--reason", "test", "--yes"
        )
        assert (high.code, "'1000' is more than 100" in high.err) == (2, True), high
        off = await shell.senex("automation", "set", "off", "--reason", "test")
        assert off.code == 0, off
    shown = await shell.senex("automation", "show", "--json")
    (one,) = shown.json["automations"]
    assert (one["enabled"], one["max_loss"], one["repeat_until_filled"]) == (False, "400", True)
    assert "off" in (await shell.senex("automation", "show")).out


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"kind": DecisionKind.SET_AUTOMATION, "state": "on"}, "E_PASSPHRASE"),
        ({"kind": DecisionKind.SET_AUTOMATION, "state": "off"}, None),
        ({"kind": DecisionKind.APPROVE, "role": "policy", "operator": "automation"}, None),
        ({"kind": DecisionKind.SET_STATE, "role": "policy", "operator": "automation"}, "E_OPERATOR"),
        ({"kind": DecisionKind.SET_AUTOMATION, "role": "policy", "operator": "automation"}, "E_OPERATOR"),
    ],
)
def test_in_live_a_person_with_a_passphrase_stands_behind_it(
    changes: dict[str, Any], refused: str | None
) -> None:
    given: dict[str, Any] = dict.fromkeys(field.name for field in fields(Decision))
    decision = Decision(**given | {"operator": "trader", "role": "trader", "options": ()} | changes)
    record = OperatorRecord("trader", "trader", b"salt", b"verifier")
    known = record if decision.operator == "trader" else None
    with pytest.raises(Refused, match=refused) if refused else nullcontext():
        check_operator(known, decision, environment="live")


async def test_books_not_compared_yet_are_waited_for(desk: Desk) -> None:
    await switch(desk, "on")
    account = await desk.account()
    async with desk.units() as tx:
        await tx.accounts.unready(account, reason="a gap", now=desk.clock.now())
        await tx.commit()
    work = await desk.offer(CYCLE, account, account)
    with pytest.raises(Postponed):
        await desk.run(work)
    await desk.offer("reconcile", account, account)
    await desk.run((await desk.work())[-1])
    await desk.drain()
    assert len(await entries(desk)) == 1


@pytest.mark.parametrize(
    ("state", "words"),
    [("maybe", []), ("on", ["units=2"]), ("on", ["max_loss=none"]), ("on", ["min_score=1000"])],
)
async def test_a_setting_that_makes_no_sense_is_refused(desk: Desk, state: str, words: list[str]) -> None:
    outcome, code = await switch(desk, state, *words)
    assert (outcome, code) == ("failed", "E_AUTOMATION")
