"""Exits on real Postgres, with the broker, the quotes and the clock in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from senex.domain.calendar import NEW_YORK
from senex.domain.decisions import DecisionKind
from senex.domain.orders import BrokerStatus, OrderKind, OrderStatus
from senex.domain.positions import PositionStatus
from senex.domain.trading_state import TradingState
from senex.ports.broker import RefusedByBroker
from senex.testing import market
from tests.integration.test_use_cases import Desk, desk

if TYPE_CHECKING:
    from uuid import UUID

    from senex.domain.closing import SpreadExit
    from senex.domain.orders import Order
    from senex.domain.positions import Position

__all__ = ["desk"]

D = Decimal
WATCH = "monitor_positions_for_dte_closure"


async def opened(desk: Desk) -> Position:
    """A filled Trident with its targets."""
    entry = await desk.approve(await desk.suggest())
    await desk.fill(entry)
    async with desk.units() as tx:
        return (await tx.positions.open(await desk.account()))[0]


async def at(desk: Desk, day: date, hour: int = 9, minute: int = 35) -> None:
    """Move the clock there, with fresh quotes."""
    then = datetime.combine(day, time(hour, minute), NEW_YORK)
    desk.clock.advance(then - desk.clock.now())
    quote(desk)


def quote(desk: Desk, *, half_spread: float = 0.02, spot: float = 500.3) -> None:
    desk.quotes.market = market.market(
        desk.broker.chain_told, at=desk.clock.now(), half_spread=half_spread, spot=spot
    )


async def watch(desk: Desk) -> None:
    """The timers' slots: the exits, and what became of the orders they sent."""
    for job in (WATCH, "monitor_open_orders"):
        await desk.offer(job, await desk.account(), await desk.account())
        await desk.drain()


async def position(desk: Desk, position_id: UUID) -> Position:
    async with desk.units() as tx:
        return await tx.positions.get(position_id)


async def orders(desk: Desk, position_id: UUID, kind: OrderKind) -> list[Order]:
    async with desk.units() as tx:
        return [order for order in await tx.orders.of_position(position_id) if order.kind is kind]


async def exits(desk: Desk, position_id: UUID) -> tuple[SpreadExit, ...]:
    async with desk.units() as tx:
        return await tx.exits.of_position(position_id)


def working(found: list[Order]) -> list[Order]:
    return [order for order in found if not order.status.terminal]


async def test_the_ladder_closes_every_spread_in_place_of_its_target(desk: Desk) -> None:
    held = await opened(desk)
    begins = held.expiry - timedelta(days=held.exit_plan.time_exit_dte)
    await at(desk, begins - timedelta(days=1))
    await watch(desk)
    assert await exits(desk, held.id) == ()
    await at(desk, begins)
    await watch(desk)
    assert working(await orders(desk, held.id, OrderKind.TARGET)) == []
    closing = await orders(desk, held.id, OrderKind.EXIT)
    assert {order.spread_key for order in closing} == {"put-1", "put-2", "call-1"}
    assert {order.status for order in closing} == {OrderStatus.WORKING}
    assert (await position(desk, held.id)).status is PositionStatus.CLOSING
    credit = {spread.plan.key: spread.credit for spread in held.spreads}
    for order in closing:
        assert order.limit_price >= -(credit[order.spread_key or ""] or D(0))
    for order in closing:
        await desk.fill(order.id)
    assert (await position(desk, held.id)).status is PositionStatus.CLOSED


async def begun(desk: Desk) -> Position:
    """A Trident on the first day of its ladder, its exits working."""
    held = await opened(desk)
    await at(desk, held.expiry - timedelta(days=held.exit_plan.time_exit_dte))
    await watch(desk)
    return held


async def closes(desk: Desk, held: Position) -> list[Order]:
    """The newest exit or close of each spread."""
    found = [*await orders(desk, held.id, OrderKind.EXIT), *await orders(desk, held.id, OrderKind.CLOSE)]
    return [order for order in found if not order.status.terminal]


async def alarms(desk: Desk) -> set[str]:
    async with desk.engine.connect() as connection:
        rows = await connection.execute(text("SELECT code FROM alarm WHERE resolved_at IS NULL"))
        return {row.code for row in rows}


async def test_a_step_works_from_mid_to_natural_in_an_hour_and_not_past_its_cap(desk: Desk) -> None:
    held = await begun(desk)
    credit = {spread.plan.key: spread.credit or D(0) for spread in held.spreads}
    limits: dict[str, list[Decimal]] = {}
    for _ in range(6):
        for order in await closes(desk, held):
            limits.setdefault(order.spread_key or "", []).append(order.limit_price)
        for _ in range(3):
            desk.clock.advance(timedelta(minutes=5))
            quote(desk)
            await watch(desk)
    for key, prices in limits.items():
        assert prices == sorted(prices, reverse=True), key
        assert len(set(prices)) > 1 or prices[0] == -credit[key], key
        assert all(price >= -credit[key] for price in prices), key
    assert len(await closes(desk, held)) == 3


async def test_without_fresh_quotes_nothing_moves_and_after_a_while_it_is_an_alarm(desk: Desk) -> None:
    held = await begun(desk)
    before = {order.id: order.limit_price for order in await closes(desk, held)}
    for _ in range(7):
        desk.clock.advance(timedelta(minutes=5))
        await watch(desk)
    assert {order.id: order.limit_price for order in await closes(desk, held)} == before
    assert "EXIT_UNPRICED" in await alarms(desk)
    assert all("s old" in wish.why for wish in await exits(desk, held.id))
    quote(desk)
    await watch(desk)
    assert "EXIT_UNPRICED" not in await alarms(desk)


async def test_the_next_session_takes_the_next_step_over_the_weekend(desk: Desk) -> None:
    held = await opened(desk)
    day = held.expiry - timedelta(days=held.exit_plan.time_exit_dte)
    steps = []
    while day <= held.expiry:
        await at(desk, day)
        await watch(desk)
        steps.append([wish.step for wish in await exits(desk, held.id) if wish.active][:1])
        for order in await closes(desk, held):
            desk.broker.end(order.broker_order_id or "", BrokerStatus.EXPIRED)
        await at(desk, day, 16, 10)
        for order in await closes(desk, held):
            await desk.alert(order.broker_order_id or "")
        assert len(working(await orders(desk, held.id, OrderKind.TARGET))) == 3
        assert (await position(desk, held.id)).status is PositionStatus.OPEN_FULL
        day += timedelta(days=1)
    assert held.expiry.weekday() == 4
    assert steps == [[0], [], [], [1], [2], [3], [4], [4]]


async def test_an_exit_that_dies_is_tried_three_times_after_reading_then_given_up(desk: Desk) -> None:
    held = await opened(desk)
    refused = RefusedByBroker("E_BROKER_PREFLIGHT", "no", retriable=False)
    await at(desk, held.expiry - timedelta(days=held.exit_plan.time_exit_dte))
    desk.broker.answers = [refused] * 12
    await watch(desk)
    dead = await orders(desk, held.id, OrderKind.EXIT)
    assert [order.status for order in dead] == [OrderStatus.REJECTED] * 12
    assert "EXIT_FAILED" in await alarms(desk)
    assert len(working(await orders(desk, held.id, OrderKind.TARGET))) == 3
    assert (await position(desk, held.id)).status is PositionStatus.OPEN_FULL
    await watch(desk)
    assert len(await orders(desk, held.id, OrderKind.EXIT)) == 12  # not again in this session


async def test_a_target_that_fills_while_it_is_cancelled_ends_the_exit(desk: Desk) -> None:
    held = await opened(desk)
    call = next(o for o in await orders(desk, held.id, OrderKind.TARGET) if o.spread_key == "call-1")
    await at(desk, held.expiry - timedelta(days=held.exit_plan.time_exit_dte))
    desk.broker.fill(call.broker_order_id or "", desk.mids(call))
    await watch(desk)
    assert {order.spread_key for order in await closes(desk, held)} == {"put-1", "put-2"}
    ended = next(wish for wish in await exits(desk, held.id) if wish.spread_key == "call-1")
    assert (ended.status, ended.why) == ("done", "nothing is left to close")


async def test_nothing_is_closed_while_halted_and_targets_stay(desk: Desk) -> None:
    held = await opened(desk)
    await at(desk, held.expiry - timedelta(days=held.exit_plan.time_exit_dte))
    await desk.decide(DecisionKind.SET_STATE, state=TradingState.HALTED)
    await watch(desk)
    assert len(working(await orders(desk, held.id, OrderKind.TARGET))) == 3
    assert await closes(desk, held) == []
    await desk.decide(DecisionKind.SET_STATE, state=TradingState.REDUCE_ONLY)
    await watch(desk)
    assert len(await closes(desk, held)) == 3


async def test_a_spread_is_closed_by_hand_and_the_others_keep_their_targets(desk: Desk) -> None:
    held = await opened(desk)
    decision = await desk.decide(DecisionKind.CLOSE_POSITION, subject_id=held.id, spread_key="call-1")
    await desk.drain()
    assert await desk.answer(decision) == ("done", "OK")
    (close,) = await closes(desk, held)
    assert (close.kind, close.spread_key, close.decision_id) == (OrderKind.CLOSE, "call-1", decision)
    kept = working(await orders(desk, held.id, OrderKind.TARGET))
    assert {order.spread_key for order in kept} == {"put-1", "put-2"}
    await desk.fill(close.id)
    assert (await position(desk, held.id)).status is PositionStatus.OPEN_PARTIAL


async def test_a_close_whose_order_an_operator_cancels_brings_the_target_back(desk: Desk) -> None:
    held = await opened(desk)
    await desk.decide(DecisionKind.CLOSE_POSITION, subject_id=held.id, spread_key="call-1", price=D("-0.05"))
    await desk.drain()
    (close,) = await closes(desk, held)
    assert close.limit_price == D("-0.05")
    await desk.decide(DecisionKind.CANCEL_ORDER, order_id=close.id)
    await desk.drain()
    assert await closes(desk, held) == []
    assert len(working(await orders(desk, held.id, OrderKind.TARGET))) == 3
    assert "CLOSE_ENDED" in await alarms(desk)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"spread_key": "put-9"}, "E_NOTHING_TO_CLOSE"),
        ({"options": ["excess"]}, "E_NOTHING_TO_CLOSE"),
        ({"price": D("-1")}, "E_LIMIT"),
        ({"spread_key": "put-1", "price": D("1")}, "E_LIMIT"),
        ({"spread_key": "put-1", "price": D("-1.005")}, "E_LIMIT"),
        ({"spread_key": "put-1", "price": D("0")}, "E_LIMIT"),
        ({"spread_key": "put-1", "price": D("-99")}, "E_LIMIT"),
        ({"subject_id": None}, "E_DECISION"),
    ],
)
async def test_a_close_that_makes_no_sense_is_refused(
    desk: Desk, changes: dict[str, object], code: str
) -> None:
    held = await opened(desk)
    decision = await desk.decide(DecisionKind.CLOSE_POSITION, **{"subject_id": held.id, **changes})
    await desk.drain()
    assert await desk.answer(decision) == ("refused", code)
    assert len(working(await orders(desk, held.id, OrderKind.TARGET))) == 3


async def test_a_target_taken_away_comes_back_when_it_is_asked_for(desk: Desk) -> None:
    held = await opened(desk)
    target = (await orders(desk, held.id, OrderKind.TARGET))[0]
    again = await desk.decide(DecisionKind.RESTORE_TARGETS, subject_id=held.id)
    await desk.drain()
    assert await desk.answer(again) == ("refused", "E_NO_TARGET")
    await desk.decide(DecisionKind.CANCEL_ORDER, order_id=target.id)
    await desk.drain()
    await desk.offer("mend_position", held.id)
    await desk.drain()
    assert len(working(await orders(desk, held.id, OrderKind.TARGET))) == 2
    again = await desk.decide(DecisionKind.RESTORE_TARGETS, subject_id=held.id)
    await desk.drain()
    assert await desk.answer(again) == ("done", "OK")
    assert len(working(await orders(desk, held.id, OrderKind.TARGET))) == 3


async def test_flatten_ends_entries_and_closes_everything_at_natural(desk: Desk) -> None:
    held = await opened(desk)
    spot = 505.0
    quote(desk, spot=spot)
    pending = await desk.approve(await desk.suggest())
    decision = await desk.decide(DecisionKind.FLATTEN)
    await desk.drain()
    assert await desk.answer(decision) == ("done", "OK")
    assert (await desk.order(pending)).status is OrderStatus.CANCELLED
    closing = await closes(desk, held)
    assert {order.spread_key for order in closing} == {"put-1", "put-2", "call-1"}
    first = {order.spread_key: order.limit_price for order in closing}
    desk.clock.advance(timedelta(minutes=1))
    quote(desk, half_spread=0.10, spot=spot)
    await watch(desk)
    closing = await closes(desk, held)
    assert all(order.limit_price < first[order.spread_key] for order in closing)
    for order in closing:
        await desk.fill(order.id)
    async with desk.units() as tx:
        assert await tx.positions.open(await desk.account()) == ()
        assert (await tx.accounts.fence(await desk.account())).state is TradingState.REDUCE_ONLY


async def test_flatten_out_of_session_waits_for_the_next_one_with_its_targets(desk: Desk) -> None:
    held = await opened(desk)
    await at(desk, market.DAY, 18, 0)
    decision = await desk.decide(DecisionKind.FLATTEN)
    await desk.drain()
    async with desk.units() as tx:
        _, answer = await tx.suggestions.decision(decision)
    assert answer is not None
    assert "queued for the next session" in answer.message
    assert len(working(await orders(desk, held.id, OrderKind.TARGET))) == 3
    await at(desk, market.DAY + timedelta(days=1))
    await watch(desk)
    assert len(await closes(desk, held)) == 3


async def test_a_leg_that_hangs_is_closed_on_request(desk: Desk) -> None:
    entry = await desk.approve(await desk.suggest())
    order = await desk.order(entry)
    whole = desk.broker.fill(order.broker_order_id or "", desk.mids(order))
    short = next(leg.symbol for leg in order.legs if leg.quantity == 2 and leg.action.sign < 0)
    alone = tuple(
        replace(leg, fills=(replace(leg.fills[0], quantity=1),) if leg.symbol == short else ())
        for leg in whole.legs
    )
    desk.broker.orders[whole.id] = replace(whole, legs=alone, status=BrokerStatus.CANCELLED)
    await desk.alert(whole.id)
    assert "BROKEN_RATIO" in await alarms(desk)
    await desk.decide(
        DecisionKind.CLOSE_POSITION, subject_id=order.position_id, spread_key="put-1", options=["excess"]
    )
    await desk.drain()
    held = await position(desk, order.position_id)
    (close,) = await closes(desk, held)
    assert [(leg.symbol, leg.signed_quantity) for leg in close.legs] == [(short, 1)]
    await desk.fill(close.id)
    assert (await position(desk, held.id)).status is PositionStatus.CLOSED
    assert await alarms(desk) == set()
