"""What may go wrong between a decision and a protected position, and must not.

Real Postgres; the broker and the quotes are in memory, because these faults need
something to happen at one exact moment.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Self
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text, update

from daemon.handlers import HANDLERS
from senex.domain.decisions import DecisionKind
from senex.domain.errors import Refused, Unavailable
from senex.domain.limits import LimitBook
from senex.domain.orders import AttemptStatus, BrokerStatus, OrderKind, OrderStatus
from senex.domain.positions import PositionStatus
from senex.domain.quotes import Market
from senex.domain.risk import Entry
from senex.domain.trading_state import TradingState
from senex.ports.broker import Holding, RefusedByBroker, Ticket
from senex.services.ahead import Ahead
from senex.services.context import Postponed
from senex.services.standing import check_entry
from senex.store import tables
from senex.store.direct import connect
from senex.store.outbox import Outbox
from senex.store.repositories.base import table
from senex.store.unit_of_work import PostgresUnitOfWork, PostgresUnits
from senex.testing.broker import FACTS, LOST
from tests.integration.test_use_cases import Desk, desk

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy.ext.asyncio import AsyncEngine

    from senex.domain.orders import Order
    from senex.ports.records import Work

__all__ = ["desk"]

D = Decimal


class Meanwhile(PostgresUnits):
    """Units of work during which something else happens: right before the ``before``-th begins."""

    def __init__(self, engine: AsyncEngine, before: int, happens: Callable[[], Awaitable[None]]) -> None:
        super().__init__(engine)
        self._left = before
        self._happens = happens

    def __call__(self) -> PostgresUnitOfWork:
        self._left -= 1
        return _Late(self._engine, self._happens) if self._left == 0 else super().__call__()


class _Late(PostgresUnitOfWork):
    def __init__(self, engine: AsyncEngine, happens: Callable[[], Awaitable[None]]) -> None:
        super().__init__(engine)
        self._happens = happens

    async def __aenter__(self) -> Self:
        await self._happens()
        return await super().__aenter__()


async def intended(desk: Desk) -> Work:
    """Approve a suggestion, consume the approval and forget what that began; the work that will send the order."""
    await desk.approval(await desk.suggest())
    elsewhere = replace(desk.context, ahead=Ahead())
    await HANDLERS["decide"](elsewhere, (await desk.work())[0])
    return next(each for each in await desk.work() if each.job == "execute")


def _ticket(order: Order, identifier: str) -> Ticket:
    return Ticket("5SX00001", order.legs, order.limit_price, order.time_in_force, identifier, False)


async def _ended_otherwise(desk: Desk, like: Order) -> None:
    """Another order of ours, broker order 1, that has expired as far as we know."""
    other = replace(like, id=uuid4(), kind=OrderKind.CLOSE, decision_id=None)
    async with desk.units() as tx:
        await tx.orders.add(other, desk.clock.now())
        await tx.orders.set_status(other.id, OrderStatus.EXPIRED, now=desk.clock.now(), broker_order_id="1")
        await tx.commit()


async def state(desk: Desk) -> tuple[TradingState, bool]:
    async with desk.units() as tx:
        fence = await tx.accounts.fence(await desk.account())
    return fence.state, fence.ready


async def noted(desk: Desk, action: str) -> int:
    async with desk.engine.connect() as connection:
        found = await connection.execute(
            text("SELECT count(*) FROM audit WHERE action = :action"), {"action": action}
        )
    return int(found.scalar_one())


async def test_an_order_adopted_while_its_sender_is_declared_dead_stays_adopted(desk: Desk) -> None:
    execute = await intended(desk)
    attempt_id = UUID(execute.subject)
    async with desk.units() as tx:
        attempt = await tx.orders.attempt(attempt_id)
        order = await tx.orders.get(attempt.order_id)
        assert await tx.orders.start_sending(attempt_id, epoch=1, now=desk.clock.now())
        await tx.commit()
    async with desk.engine.begin() as connection:
        await connection.execute(
            update(table(tables.Attempt)).values(sending_machine=text("clock_timestamp() - interval '16 s'"))
        )
    accepted = await desk.broker.submit(_ticket(order, attempt.external_identifier))
    broker_id = accepted.order.id  # type: ignore[union-attr]
    desk.broker.fill(broker_id, desk.mids(order))

    async def alert() -> None:
        await desk.alert(broker_id, drain=False)
        await desk.run(next(each for each in await desk.work() if each.job == "apply_alert"))

    # the job only reads until the unit that declares it unknown
    late = replace(desk.context, units=Meanwhile(desk.engine, 1, alert))
    await Desk(late, desk.broker, desk.quotes, desk.clock, desk.engine).run(execute)
    async with desk.units() as tx:
        assert (await tx.orders.attempt(attempt_id)).status is AttemptStatus.ACCEPTED
        assert (await tx.orders.get(order.id)).status is OrderStatus.FILLED
    assert len(desk.broker.posts) == 1


async def test_an_order_withdrawn_right_before_it_is_sent_is_not_sent(desk: Desk) -> None:
    execute = await intended(desk)
    async with desk.units() as tx:
        order_id = (await tx.orders.attempt(UUID(execute.subject))).order_id

    async def cancelled() -> None:
        await desk.decide(DecisionKind.CANCEL_ORDER, order_id=order_id)
        await desk.run(next(each for each in await desk.work() if each.job == "decide"))

    # the first unit after all was checked is the one that marks it as being sent
    late = replace(desk.context, units=Meanwhile(desk.engine, 1, cancelled))
    with pytest.raises(Postponed):
        await Desk(late, desk.broker, desk.quotes, desk.clock, desk.engine).run(execute)
    assert desk.broker.posts == []
    async with desk.units() as tx:
        assert (await tx.orders.attempt(UUID(execute.subject))).status is AttemptStatus.ABANDONED
    await desk.drain()
    assert (await desk.order(order_id)).status is OrderStatus.CANCELLED
    assert desk.broker.posts == []


@pytest.mark.parametrize("kind", [DecisionKind.SUGGEST, DecisionKind.SYNC, DecisionKind.REJECT])
async def test_who_is_no_trader_decides_nothing(desk: Desk, kind: DecisionKind) -> None:
    suggestion = await desk.suggest()
    async with desk.units() as tx:
        found = await tx.suggestions.get(suggestion)
    about: dict[str, object] = {"symbol": "QQQ"}
    if kind is DecisionKind.REJECT:
        about = {"suggestion_id": suggestion, "version": found.version}
    decision = await desk.decide(kind, operator="guest", role="viewer", **about)
    await desk.drain()
    assert await desk.answer(decision) == ("refused", "E_OPERATOR")


async def test_a_decision_of_one_account_is_not_about_another(desk: Desk) -> None:
    suggestion = await desk.suggest()
    entry = await desk.approve(await desk.suggest())
    desk.broker.listed = (FACTS, replace(FACTS, number="5SX00002"))
    await desk.offer("start", "")
    await desk.drain()
    async with desk.units() as tx:
        second = (await tx.accounts.all("simulated"))[1].id
    approval = await desk.approval(suggestion, account_id=second)
    cancel = await desk.decide(DecisionKind.CANCEL_ORDER, order_id=entry, account_id=second)
    await desk.drain()
    assert await desk.answer(approval) == ("refused", "E_DECISION")
    assert await desk.answer(cancel) == ("refused", "E_DECISION")
    assert (await desk.order(entry)).status is OrderStatus.WORKING
    assert len(desk.broker.posts) == 1


async def test_a_halt_behind_an_entry_in_the_queue_stops_it(desk: Desk) -> None:
    execute = await intended(desk)
    await desk.decide(DecisionKind.SET_STATE, state=TradingState.HALTED)
    with pytest.raises(Postponed):
        await desk.run(execute)
    for each in await desk.work():
        if each.job == "decide":
            await desk.run(each)
    await desk.drain()
    async with desk.units() as tx:
        attempt = await tx.orders.attempt(UUID(execute.subject))
        assert (await tx.orders.get(attempt.order_id)).status is OrderStatus.REJECTED
    assert desk.broker.posts == []


async def test_what_was_left_over_at_a_start_waits_for_the_reconcile(desk: Desk, database_url: str) -> None:
    execute = await intended(desk)
    connection = await connect(database_url, name="test")
    try:
        await Outbox(connection).start()
    finally:
        await connection.close()
    assert await state(desk) == (TradingState.ACTIVE, False)
    with pytest.raises(Postponed):
        await desk.run(execute)
    assert desk.broker.posts == []
    await desk.run(next(each for each in await desk.work() if each.job == "start"))
    await desk.run(next(each for each in await desk.work() if each.job == "reconcile"))
    await desk.drain()
    assert await state(desk) == (TradingState.ACTIVE, True)
    assert len(desk.broker.posts) == 1


async def test_one_order_nobody_can_book_hides_no_fill_and_closes_the_gate(desk: Desk) -> None:
    entry = await desk.approve(await desk.suggest())
    order = await desk.order(entry)
    theirs = desk.broker.orders[order.broker_order_id or ""]
    # another order of ours that has ended here in one way and there in another
    desk.broker.orders = {"1": replace(theirs, id="1", external_identifier=None), **desk.broker.orders}
    await _ended_otherwise(desk, order)
    desk.broker.orders["1"] = replace(desk.broker.orders["1"], status=BrokerStatus.CANCELLED)
    desk.broker.fill(theirs.id, desk.mids(order))
    await desk.offer("reconcile", await desk.account(), await desk.account())
    for each in await desk.work():
        await desk.run(each)
    assert (await desk.order(entry)).status is OrderStatus.FILLED
    assert (await state(desk))[1] is False
    assert await noted(desk, "orders in doubt") == 1
    del desk.broker.orders["1"]
    await desk.offer("reconcile", await desk.account(), await desk.account())
    await desk.drain()
    assert (await state(desk))[1] is True


async def test_an_alert_that_contradicts_the_books_is_put_aside(desk: Desk) -> None:
    entry = await desk.approve(await desk.suggest())
    order = await desk.order(entry)
    theirs = desk.broker.orders[order.broker_order_id or ""]
    await _ended_otherwise(desk, order)
    desk.broker.orders["1"] = replace(theirs, id="1", external_identifier=None, status=BrokerStatus.CANCELLED)
    await desk.alert("1")
    assert await noted(desk, "alert quarantined") == 1
    assert await desk.work() == []


async def test_a_fill_of_a_target_no_list_shows_any_more_is_found(desk: Desk) -> None:
    entry = await desk.approve(await desk.suggest())
    await desk.fill(entry)
    target = (await desk.orders(OrderKind.TARGET))[0]
    desk.broker.fill(target.broker_order_id or "", desk.mids(target))
    desk.broker.unlisted = {target.broker_order_id or ""}
    await desk.offer("monitor_open_orders", await desk.account(), await desk.account())
    await desk.drain()
    assert (await desk.order(target.id)).status is OrderStatus.FILLED


@pytest.mark.parametrize("code", ["E_TOO_LATE", "E_BROKER_AWAY", "E_BROKER_TOKEN"])
async def test_a_target_that_never_left_is_sent_again_and_an_entry_is_not(desk: Desk, code: str) -> None:
    never = RefusedByBroker(code, "nothing was sent", retriable=False)
    desk.broker.answers = [never]
    entry = await desk.approve(await desk.suggest())
    assert (await desk.order(entry)).status is OrderStatus.REJECTED
    async with desk.units() as tx:
        attempts = await tx.orders.attempts(entry)
    late = AttemptStatus.ABANDONED if code == "E_TOO_LATE" else AttemptStatus.REFUSED
    assert [attempt.status for attempt in attempts] == [late]
    entry = await desk.approve(await desk.suggest())
    desk.broker.answers = [never]
    await desk.fill(entry)
    targets = await desk.orders(OrderKind.TARGET)
    assert [order.status for order in targets] == [OrderStatus.WORKING] * 3
    names = [post.external_identifier for post in desk.broker.posts]
    assert len(set(names)) == len(names) == 6


async def test_a_target_that_is_lost_is_said(desk: Desk) -> None:
    entry = await desk.approve(await desk.suggest())
    desk.broker.answers = [RefusedByBroker("E_BROKER_PREFLIGHT", "no", retriable=False)]
    await desk.fill(entry)
    assert await noted(desk, "target lost") == 1
    target = next(o for o in await desk.orders(OrderKind.TARGET) if o.status is OrderStatus.WORKING)
    theirs = desk.broker.orders[target.broker_order_id or ""]
    desk.broker.orders[theirs.id] = replace(theirs, status=BrokerStatus.REJECTED, reject_reason="margin")
    await desk.alert(theirs.id)
    assert await noted(desk, "target lost") == 2


async def test_a_partly_filled_entry_keeps_its_whole_risk_at_stake(desk: Desk) -> None:
    entry = await desk.approve(await desk.suggest())
    order = await desk.order(entry)
    async with desk.units() as tx:
        planned = (await tx.positions.get(order.position_id)).initial_risk
    whole = desk.broker.fill(order.broker_order_id or "", desk.mids(order))
    half = tuple(
        replace(leg, fills=(replace(leg.fills[0], quantity=1),) if leg.quantity == 2 else ())
        for leg in whole.legs
    )
    desk.broker.orders[whole.id] = replace(whole, legs=half, status=BrokerStatus.LIVE)
    await desk.alert(whole.id)
    async with desk.units() as tx:
        position = await tx.positions.get(order.position_id)
    assert (position.status, position.initial_risk) == (PositionStatus.PENDING_ENTRY, planned)
    desk.broker.orders[whole.id] = replace(whole, legs=half, status=BrokerStatus.CANCELLED)
    await desk.alert(whole.id)
    async with desk.units() as tx:
        position = await tx.positions.get(order.position_id)
    assert position.status is PositionStatus.OPEN_FULL
    assert position.initial_risk is not None
    assert planned is not None
    assert position.initial_risk != planned
    assert [target.spread_key for target in await desk.orders(OrderKind.TARGET)] == ["put-1"]


async def test_a_leg_that_hangs_in_the_air_is_said(desk: Desk) -> None:
    entry = await desk.approve(await desk.suggest())
    order = await desk.order(entry)
    whole = desk.broker.fill(order.broker_order_id or "", desk.mids(order))
    first = next(leg.symbol for leg in order.legs if leg.quantity == 2)
    alone = tuple(
        replace(leg, fills=(replace(leg.fills[0], quantity=1),) if leg.symbol == first else ())
        for leg in whole.legs
    )
    desk.broker.orders[whole.id] = replace(whole, legs=alone, status=BrokerStatus.CANCELLED)
    await desk.alert(whole.id)
    assert await noted(desk, "broken ratio") == 1
    assert await desk.orders(OrderKind.TARGET) == []


async def test_a_fill_after_the_cancel_opens_the_position_again(desk: Desk) -> None:
    entry = await desk.approve(await desk.suggest())
    await desk.decide(DecisionKind.CANCEL_ORDER, order_id=entry)
    await desk.drain()
    order = await desk.order(entry)
    assert order.status is OrderStatus.CANCELLED
    await desk.fill(entry)
    assert (await desk.order(entry)).status is OrderStatus.FILLED
    async with desk.engine.connect() as connection:
        found = await connection.execute(text("SELECT status, closed_at, closure_reason FROM position"))
        assert tuple(found.one()) == (PositionStatus.OPEN_FULL, None, None)
    assert len(await desk.orders(OrderKind.TARGET)) == 3


async def test_a_clock_set_back_makes_nothing_young_again(desk: Desk) -> None:
    suggestion = await desk.suggest()
    desk.clock.advance(timedelta(hours=-1))
    quotes = desk.quotes.market.quotes
    fresh = {name: quote._replace(received_at=desk.clock.now()) for name, quote in quotes.items()}
    desk.quotes.market = Market(fresh, desk.clock.now())
    decision = await desk.approval(suggestion)
    await desk.drain()
    assert await desk.answer(decision) == ("refused", "E_PRICING_EXPIRED")
    later = await desk.approval(await desk.suggest(), shown_at=desk.clock.now() + timedelta(minutes=1))
    await desk.drain()
    assert await desk.answer(later) == ("refused", "E_SHOWN_STALE")


async def test_a_refused_order_that_lives_all_the_same_is_adopted_and_stops_entries(desk: Desk) -> None:
    desk.broker.answers = [RefusedByBroker("E_BROKER_PREFLIGHT", "no", retriable=False)]
    entry = await desk.approve(await desk.suggest())
    order = await desk.order(entry)
    async with desk.units() as tx:
        [attempt] = await tx.orders.attempts(entry)
    await desk.broker.submit(_ticket(order, attempt.external_identifier))
    await desk.offer("monitor_open_orders", await desk.account(), await desk.account())
    await desk.drain()
    assert (await state(desk))[0] is TradingState.REDUCE_ONLY
    assert (await desk.order(entry)).status is OrderStatus.WORKING
    assert await noted(desk, "order corrected") == 1
    await desk.fill(entry)
    assert (await desk.order(entry)).status is OrderStatus.FILLED
    assert len(await desk.orders(OrderKind.TARGET)) == 3


async def test_a_refused_target_that_lives_beside_its_successor_is_cancelled(desk: Desk) -> None:
    entry = await desk.approve(await desk.suggest())
    desk.broker.answers = [RefusedByBroker("E_BROKER_PREFLIGHT", "no", retriable=False)]
    await desk.fill(entry)
    await desk.offer("reconcile", await desk.account(), await desk.account())
    await desk.drain()
    refused = next(one for one in await desk.orders(OrderKind.TARGET) if one.status is OrderStatus.REJECTED)
    async with desk.units() as tx:
        [attempt] = await tx.orders.attempts(refused.id)
    await desk.broker.submit(_ticket(refused, attempt.external_identifier))
    twin = list(desk.broker.orders)[-1]
    await desk.offer("monitor_open_orders", await desk.account(), await desk.account())
    await desk.drain()
    assert desk.broker.orders[twin].status is BrokerStatus.CANCELLED
    assert (await desk.order(refused.id)).status is OrderStatus.REJECTED
    working = [one for one in await desk.orders(OrderKind.TARGET) if one.status is OrderStatus.WORKING]
    assert len(working) == 3


async def test_a_late_word_does_not_undo_a_later_halt(desk: Desk) -> None:
    resume = await desk.decide(DecisionKind.SET_STATE, state=TradingState.ACTIVE)
    desk.clock.advance(timedelta(seconds=1))
    await desk.decide(DecisionKind.SET_STATE, state=TradingState.HALTED)
    for work in reversed(await desk.work()):
        await desk.run(work)
    assert await desk.answer(resume) == ("refused", "E_STATE_SUPERSEDED")
    assert (await state(desk))[0] is TradingState.HALTED
    desk.clock.advance(timedelta(seconds=1))
    await desk.decide(DecisionKind.SET_STATE, state=TradingState.ACTIVE)
    await desk.drain()
    assert (await state(desk))[0] is TradingState.ACTIVE


async def test_a_halt_names_what_may_be_at_the_broker(desk: Desk) -> None:
    desk.broker.answers = [LOST]
    execute = await intended(desk)
    await desk.run(execute)
    halt = await desk.decide(DecisionKind.SET_STATE, state=TradingState.HALTED)
    await desk.run(next(each for each in await desk.work() if each.job == "decide"))
    async with desk.units() as tx:
        _, answer = await tx.suggestions.decision(halt)
    assert answer is not None
    assert "QQQ entry (whether it arrived is not known)" in answer.message


async def test_an_order_whose_sender_has_just_died_blocks_its_underlying(desk: Desk) -> None:
    first, second = await desk.suggest(), await desk.suggest()
    await desk.approval(first)
    await desk.run((await desk.work())[0])
    dead = next(each for each in await desk.work() if each.job == "execute")
    async with desk.units() as tx:
        assert await tx.orders.start_sending(UUID(dead.subject), epoch=1, now=desk.clock.now())
        await tx.commit()
        suggestion = await tx.suggestions.get(second)
        mine = Entry.at("QQQ", suggestion.proposal.legs, suggestion.proposal.limit)
        now = desk.clock.now()
        books = await tx.cases.books(await desk.account(), now=now)
        with pytest.raises(Refused) as refused:
            check_entry(books, mine, limits=LimitBook(), now=now, position_id=uuid4())
    assert refused.value.code == "E_UNKNOWN_ORDER"


async def test_a_strike_held_outside_senex_is_refused(desk: Desk) -> None:
    suggestion = await desk.suggest()
    async with desk.units() as tx:
        leg = (await tx.suggestions.get(suggestion)).proposal.legs[0]
    desk.broker.held = (Holding(leg.symbol, leg.instrument, "QQQ", D(1), 100, D(2), None),)
    await desk.offer("reconcile", await desk.account(), await desk.account())
    await desk.drain()
    decision = await desk.approval(suggestion)
    await desk.drain()
    assert await desk.answer(decision) == ("refused", "E_RISK")


async def test_a_target_the_operator_took_away_does_not_come_back(desk: Desk) -> None:
    entry = await desk.approve(await desk.suggest())
    await desk.fill(entry)
    away, lost, _ = await desk.orders(OrderKind.TARGET)
    await desk.decide(DecisionKind.CANCEL_ORDER, order_id=away.id)
    await desk.drain()
    theirs = desk.broker.orders[lost.broker_order_id or ""]
    desk.broker.orders[theirs.id] = replace(theirs, status=BrokerStatus.CANCELLED)
    await desk.offer("reconcile", await desk.account(), await desk.account())
    await desk.drain()
    targets = await desk.orders(OrderKind.TARGET)
    working = {order.spread_key for order in targets if order.status is OrderStatus.WORKING}
    assert away.spread_key not in working
    assert lost.spread_key in working
    assert len(working) == 2


async def test_a_broker_that_lists_no_account_closes_none(desk: Desk) -> None:
    account = await desk.account()
    desk.broker.listed = ()
    with pytest.raises(Unavailable):
        await desk.run(await desk.offer("start", ""))
    assert await desk.account() == account
