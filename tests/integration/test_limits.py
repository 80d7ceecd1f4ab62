"""Limits where it counts: in the process that sends, at every reading of the balances, after every fill."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from sqlalchemy import text

from senex.domain.chain import Activity
from senex.domain.decisions import DecisionKind
from senex.domain.limits import LimitBook
from senex.domain.orders import AttemptStatus, OrderKind, OrderStatus
from senex.domain.trading_state import TradingState
from senex.domain.unknown import Unknown
from senex.ports.broker import Balances
from senex.services.context import Postponed
from senex.services.standing import standing_of
from senex.store.queries import Reads
from senex.testing import market
from senex.testing.broker import FACTS
from tests.integration.test_use_cases import Desk, desk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from senex.domain.orders import Attempt
    from senex.ports.records import Work

__all__ = ["desk"]
D = Decimal


@pytest.fixture
async def reads(console_url: str) -> AsyncIterator[Reads]:
    reads = Reads(console_url)
    yield reads
    await reads.close()


def _limit(desk: Desk, **limits: Decimal | int) -> None:
    desk.context = replace(desk.context, limits=LimitBook({}, {FACTS.number: limits}))


def _balance(desk: Desk, net: int) -> None:
    desk.broker.balances_told = Balances(D(net), D(net), D(net), D(0))


async def _sync(desk: Desk) -> None:
    await desk.offer("sync_positions", await desk.account(), await desk.account())
    await desk.drain()


async def _approved(desk: Desk) -> Work:
    """An entry that is approved and not sent yet: the work that would send it."""
    await desk.approval(await desk.suggest())
    await desk.run((await desk.work())[0])
    return next(each for each in await desk.work() if each.job == "execute")


async def _attempt(desk: Desk, work: Work) -> Attempt:
    async with desk.units() as tx:
        return await tx.orders.attempt(UUID(work.subject))


async def _state(desk: Desk) -> TradingState:
    async with desk.units() as tx:
        return (await tx.accounts.fence(await desk.account())).state


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"max_contracts": 5}, "contracts per order: 6; at most 5"),
        ({"underlying_share": D("0.001")}, "risk on QQQ: "),
        ({"expiry_share": D("0.001")}, "risk expiring 2026-04-17: "),
        ({"position_share": D("0.001")}, "risk of one position: "),
        ({"leg_width": D("0.01"), "leg_width_share": D("0.0001")}, "bid-ask width: 0.04 on "),
    ],
)
async def test_each_limit_holds_where_the_order_is_sent(
    desk: Desk, reads: Reads, limits: dict[str, Decimal | int], said: str
) -> None:
    work = await _approved(desk)
    _limit(desk, **limits)
    await desk.run(work)
    assert desk.broker.posts == []
    attempt = await _attempt(desk, work)
    assert attempt.status is AttemptStatus.REFUSED
    assert (await desk.order(attempt.order_id)).status is OrderStatus.REJECTED
    [refused] = [one for one in await reads.order_events(attempt.order_id) if one.action == "order refused"]
    assert f"E_RISK: Refused: {said}" in refused.why


async def test_what_the_broker_lets_an_account_do_is_read_before_an_entry(desk: Desk) -> None:
    desk.clock.advance(timedelta(minutes=14))
    desk.quotes.market = market.market(desk.broker.chain_told, at=desk.clock.now())
    work = await _approved(desk)
    desk.clock.advance(timedelta(seconds=61))
    desk.quotes.market = market.market(desk.broker.chain_told, at=desk.clock.now())
    desk.broker.listed = (replace(FACTS, closing_only=True),)
    await desk.run(work)
    assert (await _attempt(desk, work)).status is AttemptStatus.REFUSED
    assert desk.broker.posts == []


async def test_entries_have_a_rate_and_exits_one_of_their_own(desk: Desk) -> None:
    _limit(desk, entries_per_minute=1, exits_per_minute=2)
    entry = await desk.approve(await desk.suggest())
    order = await desk.order(entry)
    assert order.broker_order_id is not None
    desk.broker.fill(order.broker_order_id, desk.mids(order))
    await desk.alert(order.broker_order_id, drain=False)
    waiting = []
    while work := [each for each in await desk.work() if each not in waiting]:
        for each in work:
            try:
                await desk.run(each)
            except Postponed:
                waiting.append(each)
    assert len(desk.broker.posts) == 1 + 2  # the entry took nothing of the exits' budget
    [last] = waiting

    # a cancel passes all the same
    target = next(each for each in await desk.orders(OrderKind.TARGET) if each.broker_order_id)
    await desk.decide(DecisionKind.CANCEL_ORDER, order_id=target.id)
    for each in [one for one in await desk.work() if one != last]:
        await desk.run(each)
    for each in [one for one in await desk.work() if one != last]:
        await desk.run(each)
    assert (await desk.order(target.id)).status is OrderStatus.CANCELLED

    desk.clock.advance(timedelta(seconds=61))
    await desk.run(last)
    assert len(desk.broker.posts) == 4


async def test_a_second_entry_within_the_minute_says_the_rate(desk: Desk) -> None:
    _limit(desk, entries_per_minute=1)
    suggestion = await desk.suggest()
    await desk.approve(await desk.suggest())
    decision = await desk.approval(suggestion)
    await desk.drain()
    async with desk.units() as tx:
        _, answer = await tx.suggestions.decision(decision)
    assert answer is not None
    assert "entries per minute: 1 were sent; at most 0 may have been before one" in answer.reasons


async def test_the_risk_of_what_is_left_grows_after_a_target_and_takes_its_part_of_the_budget(
    desk: Desk, reads: Reads
) -> None:
    _limit(desk, daily_loss_share=D(1))
    _balance(desk, 10_000)  # so that the spreads are three wide
    await _sync(desk)
    entry = await desk.order(await desk.approve(await desk.suggest()))
    assert entry.broker_order_id is not None
    strikes = {leg.symbol[12:]: leg.symbol for leg in entry.legs}
    prices = {
        strikes["P00500000"]: D("5.00"),
        strikes["P00497000"]: D("3.62"),
        strikes["C00500000"]: D("5.00"),
        strikes["C00503000"]: D("3.66"),
    }
    desk.broker.fill(entry.broker_order_id, prices)
    await desk.alert(entry.broker_order_id)
    account = await desk.account()
    assert await _at_risk(desk, reads) == D(190)

    call = next(each for each in await desk.orders(OrderKind.TARGET) if each.spread_key == "call-1")
    assert (call.limit_price, call.broker_order_id is not None) == (D("-0.80"), True)
    desk.broker.fill(
        call.broker_order_id or "", {strikes["C00500000"]: D("2.80"), strikes["C00503000"]: D("2.00")}
    )
    await desk.alert(call.broker_order_id or "")
    assert await _at_risk(desk, reads) == D(270)
    [view] = await reads.accounts(desk.clock.now())
    assert view.id == account


async def _at_risk(desk: Desk, reads: Reads) -> Decimal:
    """What the sender's budget and the screen say alike."""
    async with desk.units.reading() as tx:
        books = await tx.cases.books(await desk.account(), now=desk.clock.now())
    standing = standing_of(books, now=desk.clock.now())
    [risk] = standing.commitments.values()
    [view] = await reads.accounts(desk.clock.now())
    assert view.open_risk == risk
    assert isinstance(risk, Decimal)
    return risk


async def test_a_daily_loss_ends_entries_and_says_so(desk: Desk, reads: Reads) -> None:
    work = await _approved(desk)
    account = await desk.account()
    async with desk.units() as tx:  # a reading that nobody has judged yet
        await tx.accounts.add_snapshot(
            account, Balances(D(48_500), D(48_500), D(48_500), D(0)), desk.clock.now()
        )
        await tx.commit()
    await desk.run(work)
    assert desk.broker.posts == []
    assert (await _attempt(desk, work)).status is AttemptStatus.REFUSED

    _balance(desk, 48_870)
    await _sync(desk)
    assert [(one.code, one.severity) for one in await reads.alarms()] == [("DAILY_LOSS_NEAR", "warning")]
    assert await _state(desk) is TradingState.ACTIVE
    _balance(desk, 48_500)
    await _sync(desk)
    assert await _state(desk) is TradingState.REDUCE_ONLY
    [alarm] = [one for one in await reads.alarms() if one.code == "DAILY_LOSS"]
    assert alarm.severity == "critical"
    assert "$1500.00 lost since the last close" in alarm.text


async def test_the_operator_lifts_the_daily_loss_for_the_day_and_the_next_day_does(
    desk: Desk, reads: Reads
) -> None:
    _balance(desk, 48_000)
    await _sync(desk)
    await _sync(desk)
    assert await _state(desk) is TradingState.REDUCE_ONLY
    await desk.decide(DecisionKind.SET_STATE, state="active", reason="I have looked")
    await desk.drain()
    await _sync(desk)
    assert await _state(desk) is TradingState.ACTIVE
    assert [one.code for one in await reads.alarms()] == []

    desk.clock.advance(timedelta(days=1))
    _balance(desk, 46_000)
    await _sync(desk)
    assert await _state(desk) is TradingState.REDUCE_ONLY
    desk.clock.advance(timedelta(days=1))
    await _sync(desk)
    assert await _state(desk) is TradingState.ACTIVE
    assert [one.code for one in await reads.alarms()] == []
    actors = [one.actor for one in await reads.journal() if one.action == "trading state set"]
    assert actors == ["the daily loss limit", "trader", "the daily loss limit", "the daily loss limit"]


async def test_a_day_that_begins_with_the_loss_stays_closed_to_entries(desk: Desk, reads: Reads) -> None:
    _balance(desk, 48_000)
    await _sync(desk)
    assert await _state(desk) is TradingState.REDUCE_ONLY

    desk.clock.advance(timedelta(days=1))
    _balance(desk, 46_000)
    await _sync(desk)

    assert await _state(desk) is TradingState.REDUCE_ONLY
    assert [one.code for one in await reads.alarms()] == ["DAILY_LOSS"]


async def test_what_is_paid_out_is_no_loss(desk: Desk) -> None:
    account = await desk.account()
    desk.clock.advance(timedelta(minutes=1))
    async with desk.engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO ledger_entry (account_id, broker_id, kind, sub_kind, description, executed_at, day, "
                "value, net_value, commission, fees, read_at) VALUES (:account, '1', 'Money Movement', "
                "'Withdrawal', '', :now, '2026-03-04', -5000, -5000, 0, 0, :now)"
            ),
            {"account": account, "now": desk.clock.now()},
        )
    _balance(desk, 45_000)
    await _sync(desk)
    assert await _state(desk) is TradingState.ACTIVE


async def test_what_hardly_trades_is_not_suggested_and_what_does_says_so(desk: Desk, reads: Reads) -> None:
    suggested = await reads.suggestion(await desk.suggest())
    assert suggested is not None
    assert "open interest 1200 to 1200 a leg" in suggested.reasons[-1].text
    desk.broker.activity_told = Activity(Unknown("the broker gives no open interest"), 3)
    unknown = await reads.suggestion(await desk.suggest())
    assert unknown is not None
    assert "open interest unknown: the broker gives no open interest" in unknown.reasons[-1].text
    desk.broker.activity_told = Activity(3, 3)
    decision = await desk.decide(DecisionKind.SUGGEST, symbol="QQQ")
    await desk.drain()
    assert await desk.answer(decision) == ("refused", "E_NO_TRADE")
