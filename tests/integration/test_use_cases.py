"""The use cases on real Postgres, with the broker and the quotes in memory."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import IntegrityError

from daemon.handlers import HANDLERS
from senex.domain.decisions import DecisionKind
from senex.domain.orders import AttemptStatus, BrokerStatus, Order, OrderKind, OrderStatus
from senex.domain.positions import PositionStatus
from senex.domain.quotes import Market
from senex.domain.symbols import OptionSymbol
from senex.domain.trading_state import TradingState
from senex.ports.broker import BrokerFill, BrokerOrder, RefusedByBroker
from senex.ports.records import Work
from senex.services.context import Context, Postponed
from senex.store import tables
from senex.store.engine import open_engine
from senex.store.repositories.base import table
from senex.store.unit_of_work import PostgresUnits
from senex.testing import market
from senex.testing.broker import FACTS, LOST, MemoryBroker
from senex.testing.bus import MemoryPublisher, MemoryQuotes
from senex.testing.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncEngine


D = Decimal
ENVIRONMENT = "simulated"
NOW = market.NOW


@dataclass
class Desk:
    """One account, its daemon's use cases, and an outbox a test drains itself."""

    context: Context
    broker: MemoryBroker
    quotes: MemoryQuotes
    clock: ManualClock
    engine: AsyncEngine

    @property
    def units(self) -> PostgresUnits:
        return PostgresUnits(self.engine)

    async def account(self) -> UUID:
        async with self.units() as tx:
            return (await tx.accounts.all(ENVIRONMENT))[0].id

    async def work(self) -> list[Work]:
        outbox = table(tables.Outbox)
        statement = select(outbox).where(outbox.c.done_at.is_(None)).order_by(outbox.c.id)
        async with self.engine.connect() as connection:
            rows = (await connection.execute(statement)).all()
        return [Work(row.id, row.account_id, row.job, row.subject) for row in rows]

    async def run(self, work: Work) -> None:
        await HANDLERS[work.job](self.context, work)

    async def drain(self) -> None:
        """Do all work there is, oldest first, until none is left."""
        while work := await self.work():
            for each in work:
                await self.run(each)

    async def offer(self, job: str, subject: UUID | str, account: UUID | None = None) -> Work:
        async with self.units() as tx:
            await tx.outbox.add(job, str(subject), queue="trading", account_id=account)
            await tx.commit()
        return (await self.work())[-1]

    async def decide(self, kind: DecisionKind, **fields: object) -> UUID:
        """What a console does: one row. The trigger's outbox row is what ``drain`` finds."""
        decision = uuid4()
        values = {
            "id": decision,
            "account_id": await self.account(),
            "kind": kind,
            "operator": "trader",
            "terminal": "pts/0",
            "role": "trader",
            "decided_at": self.clock.now(),
            "shown_at": self.clock.now(),
            **fields,
        }
        async with self.engine.begin() as connection:
            await connection.execute(insert(table(tables.Decision)).values(**values))
        return decision

    async def answer(self, decision: UUID) -> tuple[str, str]:
        async with self.units() as tx:
            _, answer = await tx.suggestions.decision(decision)
        assert answer is not None
        return answer.outcome, answer.code

    async def suggest(self) -> UUID:
        decision = await self.decide(DecisionKind.SUGGEST, symbol="QQQ")
        await self.drain()
        async with self.units() as tx:
            _, answer = await tx.suggestions.decision(decision)
        assert answer is not None
        assert answer.code == "OK", answer
        assert answer.suggestion_id is not None
        return answer.suggestion_id

    async def approval(self, suggestion: UUID, **changes: object) -> UUID:
        async with self.units() as tx:
            found = await tx.suggestions.get(suggestion)
        bound = {"suggestion_id": suggestion, "version": found.version, "digest": found.digest}
        return await self.decide(DecisionKind.APPROVE, **{**bound, **changes})

    async def approve(self, suggestion: UUID) -> UUID:
        """Approve and drain; the entry order."""
        decision = await self.approval(suggestion)
        await self.drain()
        async with self.units() as tx:
            _, answer = await tx.suggestions.decision(decision)
        assert answer is not None
        assert answer.order_id is not None, answer
        return answer.order_id

    async def order(self, order_id: UUID) -> Order:
        async with self.units() as tx:
            return await tx.orders.get(order_id)

    async def changed(self, order_id: UUID) -> datetime:
        """When the order last changed."""
        orders = table(tables.TradeOrder)
        async with self.engine.connect() as connection:
            found = await connection.execute(select(orders.c.updated_at).where(orders.c.id == order_id))
            at: datetime = found.scalar_one()
            return at

    async def orders(self, kind: OrderKind) -> list[Order]:
        async with self.units() as tx:
            position = (await tx.positions.open(await self.account()))[0]
            return [order for order in await tx.orders.of_position(position.id) if order.kind is kind]

    def dearer(self, times: int) -> None:
        """Everything costs so many times as much, as of now."""
        quotes = {
            symbol: quote._replace(bid=(quote.bid or D(0)) * times, ask=(quote.ask or D(0)) * times)
            for symbol, quote in self.quotes.market.quotes.items()
        }
        self.quotes.market = Market(quotes, self.clock.now())

    def mids(self, order: Order) -> dict[str, Decimal]:
        """Each leg at its mid."""
        quotes = self.quotes.market.quotes
        prices = {}
        for leg in order.legs:
            mid = quotes[OptionSymbol.from_occ(leg.symbol).streamer].mid
            assert isinstance(mid, Decimal)
            prices[leg.symbol] = mid
        return prices

    async def fill(self, order_id: UUID, share: tuple[int, int] = (1, 1)) -> None:
        """The broker fills the order at mid and sends an alert."""
        order = await self.order(order_id)
        assert order.broker_order_id is not None
        self.broker.fill(order.broker_order_id, self.mids(order), share)
        await self.alert(order.broker_order_id)

    async def alert(self, text_: str, *, drain: bool = True) -> None:
        message = uuid4()
        async with self.engine.begin() as connection:
            await connection.execute(
                insert(table(tables.BrokerMessage)).values(
                    id=message,
                    at=self.clock.now(),
                    account_id=await self.account(),
                    source="alert",
                    method="",
                    path="",
                    body=text_,
                )
            )
        await self.offer("apply_alert", message, await self.account())
        if drain:
            await self.drain()


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Desk]:
    engine = open_engine(database_url)
    clock = ManualClock(market.NOW)
    broker = MemoryBroker(clock)
    quotes = MemoryQuotes(market.market(broker.chain_told))
    context = Context(
        units=PostgresUnits(engine),
        broker=broker,
        quotes=quotes,
        publisher=MemoryPublisher(),
        clock=clock,
        environment=ENVIRONMENT,
    )
    desk = Desk(context, broker, quotes, clock, engine)
    await desk.offer("start", "")
    await desk.drain()
    yield desk
    await engine.dispose()


async def test_the_story_ends_with_a_protected_position(desk: Desk) -> None:
    entry = await desk.approve(await desk.suggest())
    assert (await desk.order(entry)).status is OrderStatus.WORKING
    await desk.fill(entry)
    assert (await desk.order(entry)).status is OrderStatus.FILLED
    targets = await desk.orders(OrderKind.TARGET)
    assert {order.spread_key for order in targets} == {"put-1", "put-2", "call-1"}
    assert all(order.status is OrderStatus.WORKING for order in targets)
    assert all(order.limit_price < 0 for order in targets)
    assert all(post.strict_position_effect for post in desk.broker.posts[1:])
    async with desk.units() as tx:
        position = (await tx.positions.open(await desk.account()))[0]
        lots = await tx.positions.lots(position.id)
    assert position.status is PositionStatus.OPEN_FULL
    held = dict.fromkeys({lot.symbol for lot in lots}, 0)
    for lot in lots:
        held[lot.symbol] += lot.open_quantity
    filled = (await desk.order(entry)).lines
    assert held == {line.leg.symbol: line.leg.signed_quantity for line in filled}


async def test_the_same_alert_twice_changes_nothing(desk: Desk) -> None:
    entry = await desk.approve(await desk.suggest())
    await desk.fill(entry)
    order = await desk.order(entry)
    async with desk.units() as tx:
        before = await tx.positions.lots(order.position_id)
    changed = await desk.changed(entry)
    assert order.broker_order_id is not None
    desk.clock.advance(timedelta(seconds=30))
    await desk.alert(order.broker_order_id)
    await desk.drain()
    async with desk.units() as tx:
        assert await tx.positions.lots(order.position_id) == before
    assert await desk.changed(entry) == changed  # "changed" on the screens is when something did
    assert len(desk.broker.posts) == 4


async def test_partial_fills_add_up_to_the_same_position(desk: Desk) -> None:
    entry = await desk.approve(await desk.suggest())
    order = await desk.order(entry)
    assert order.broker_order_id is not None
    first = desk.broker.fill(order.broker_order_id, desk.mids(order), (0, 1))
    half = tuple(
        replace(leg, fills=(replace(leg.fills[0], quantity=1),) if leg.quantity == 2 else ())
        for leg in first.legs
    )
    desk.broker.orders[first.id] = replace(first, legs=half, status=first.status.LIVE)
    await desk.alert(first.id)
    assert (await desk.order(entry)).status is OrderStatus.PARTIALLY_FILLED
    early = await desk.orders(OrderKind.TARGET)  # what is whole already is protected at once
    assert [order.spread_key for order in early] == ["put-1"]
    rest = tuple(
        replace(leg, fills=(*leg.fills, replace(first.legs[i].fills[0], fill_id=f"rest-{i}", quantity=1)))
        for i, leg in enumerate(half)
    )
    desk.broker.orders[first.id] = replace(first, legs=rest, status=first.status.FILLED)
    await desk.alert(first.id)
    assert (await desk.order(entry)).status is OrderStatus.FILLED
    assert len(await desk.orders(OrderKind.TARGET)) == 3


async def test_a_lost_answer_is_unknown_blocks_and_is_adopted(desk: Desk) -> None:
    desk.broker.answers = [LOST]
    suggestion = await desk.suggest()
    second = await desk.suggest()
    decision = await desk.approval(suggestion)
    work = await desk.work()
    await desk.run(work[0])
    execute = next(each for each in await desk.work() if each.job == "execute")
    await desk.run(execute)
    async with desk.units() as tx:
        _, answer = await tx.suggestions.decision(decision)
        assert answer is not None
        assert answer.order_id is not None
        order = await tx.orders.get(answer.order_id)
    assert order.status is OrderStatus.UNKNOWN
    again = await desk.approval(second)
    await desk.run(next(each for each in await desk.work() if each.job == "decide"))
    assert await desk.answer(again) == ("refused", "E_UNKNOWN_ORDER")
    await desk.drain()
    assert (await desk.order(order.id)).status is OrderStatus.WORKING
    assert len(desk.broker.posts) == 1


async def test_a_sender_that_died_leaves_unknown_and_never_sends_again(desk: Desk) -> None:
    suggestion = await desk.suggest()
    await desk.approval(suggestion)
    await desk.run((await desk.work())[0])
    execute = next(each for each in await desk.work() if each.job == "execute")
    async with desk.units() as tx:
        fence = await tx.accounts.fence(await desk.account())
        assert await tx.orders.start_sending(UUID(execute.subject), epoch=fence.epoch, now=desk.clock.now())
        await tx.commit()
    with pytest.raises(Postponed):
        await desk.run(execute)
    attempt = table(tables.Attempt)
    async with desk.engine.begin() as connection:
        await connection.execute(
            update(attempt).values(sending_machine=text("clock_timestamp() - interval '16 s'"))
        )
    await desk.run(execute)
    async with desk.units() as tx:
        found = await tx.orders.attempt(UUID(execute.subject))
        order = await tx.orders.get(found.order_id)
    assert found.status is AttemptStatus.UNKNOWN
    assert order.status is OrderStatus.UNKNOWN
    await desk.drain()
    assert desk.broker.posts == []


async def test_two_workers_with_one_attempt_send_once(desk: Desk) -> None:
    await desk.approval(await desk.suggest())
    await desk.run((await desk.work())[0])
    execute = next(each for each in await desk.work() if each.job == "execute")
    await desk.run(execute)
    await desk.run(execute)
    assert len(desk.broker.posts) == 1


@pytest.mark.parametrize(
    ("changes", "minutes", "code"),
    [
        ({"digest": "0" * 64}, 0, "E_SUGGESTION_CHANGED"),
        ({"version": 2}, 0, "E_SUGGESTION_CHANGED"),
        ({}, 11, "E_PRICING_EXPIRED"),
        ({}, 25 * 60, "E_SUGGESTION_EXPIRED"),
        ({"operator": "nobody"}, 0, "E_OPERATOR"),
        ({"shown_at": market.NOW - timedelta(minutes=2)}, 0, "E_SHOWN_STALE"),
    ],
)
async def test_an_approval_that_does_not_bind_is_refused(
    desk: Desk, changes: dict[str, object], minutes: int, code: str
) -> None:
    suggestion = await desk.suggest()
    desk.clock.advance(timedelta(minutes=minutes))
    decision = await desk.approval(suggestion, **changes)
    await desk.drain()
    assert await desk.answer(decision) == ("refused", code)
    assert desk.broker.posts == []


async def test_stale_quotes_refuse(desk: Desk) -> None:
    suggestion = await desk.suggest()
    desk.clock.advance(timedelta(seconds=61))
    decision = await desk.approval(suggestion)
    await desk.drain()
    assert await desk.answer(decision) == ("refused", "E_QUOTES_STALE")


async def test_a_price_outside_the_band_needs_a_new_look(desk: Desk) -> None:
    suggestion = await desk.suggest()
    desk.dearer(3)
    decision = await desk.approval(suggestion)
    await desk.drain()
    assert await desk.answer(decision) == ("refused", "E_PRICE_MOVED")


async def test_a_refused_approval_can_be_decided_anew(desk: Desk) -> None:
    suggestion = await desk.suggest()
    refused = await desk.approval(suggestion, digest="0" * 64)
    await desk.drain()
    assert (await desk.answer(refused))[0] == "refused"
    assert (await desk.order(await desk.approve(suggestion))).status is OrderStatus.WORKING


async def test_a_version_is_decided_once(desk: Desk) -> None:
    suggestion = await desk.suggest()
    await desk.approval(suggestion)
    with pytest.raises(IntegrityError):
        await desk.approval(suggestion)
    await desk.drain()
    assert len(desk.broker.posts) == 1


async def test_a_halt_between_approval_and_sending_stops_the_order(desk: Desk) -> None:
    decision = await desk.approval(await desk.suggest())
    await desk.run((await desk.work())[0])
    await desk.decide(DecisionKind.SET_STATE, state=TradingState.HALTED)
    halt = next(each for each in await desk.work() if each.job == "decide")
    await desk.run(halt)
    await desk.drain()
    async with desk.units() as tx:
        _, answer = await tx.suggestions.decision(decision)
        assert answer is not None
        assert answer.order_id is not None
        assert (await tx.orders.get(answer.order_id)).status is OrderStatus.REJECTED
    assert desk.broker.posts == []


async def test_targets_wait_for_a_halt_to_end(desk: Desk) -> None:
    entry = await desk.approve(await desk.suggest())
    async with desk.units() as tx:
        await tx.accounts.set_state(
            await desk.account(), TradingState.HALTED, reason="test", by="test", now=desk.clock.now()
        )
        await tx.commit()
    with pytest.raises(Postponed):
        await desk.fill(entry)
    assert len(desk.broker.posts) == 1
    await desk.decide(DecisionKind.SET_STATE, state=TradingState.REDUCE_ONLY)
    decide = next(each for each in await desk.work() if each.job == "decide")
    await desk.run(decide)
    await desk.drain()
    assert len(desk.broker.posts) == 4


async def test_a_refused_order_ends_rejected_with_the_reason(desk: Desk) -> None:
    desk.broker.answers = [
        RefusedByBroker("E_BROKER_PREFLIGHT", "margin_check_failed: too little", retriable=False)
    ]
    entry = await desk.approve(await desk.suggest())
    assert (await desk.order(entry)).status is OrderStatus.REJECTED
    async with desk.units() as tx:
        assert await tx.positions.open(await desk.account()) == ()


async def test_a_busy_broker_gets_a_second_attempt_under_a_new_name(desk: Desk) -> None:
    desk.broker.answers = [RefusedByBroker("E_BROKER_BUSY", "too many requests", retriable=True)]
    entry = await desk.approve(await desk.suggest())
    assert (await desk.order(entry)).status is OrderStatus.WORKING
    names = [post.external_identifier for post in desk.broker.posts]
    assert len(names) == 2
    assert len(set(names)) == 2


async def test_the_same_strikes_are_refused(desk: Desk) -> None:
    first, second = await desk.suggest(), await desk.suggest()
    await desk.approve(first)
    decision = await desk.approval(second)
    await desk.drain()
    assert await desk.answer(decision) == ("refused", "E_RISK")


async def test_cash_accounts_get_no_spreads(desk: Desk) -> None:
    desk.broker.listed = (replace(FACTS, margin_or_cash="Cash"),)
    await desk.offer("start", "")
    await desk.drain()
    decision = await desk.approval(await desk.suggest())
    await desk.drain()
    assert await desk.answer(decision) == ("refused", "E_RISK")


async def test_a_cancelled_entry_that_filled_nothing_expires_its_position(desk: Desk) -> None:
    entry = await desk.approve(await desk.suggest())
    await desk.decide(DecisionKind.CANCEL_ORDER, order_id=entry)
    await desk.drain()
    assert (await desk.order(entry)).status is OrderStatus.CANCELLED
    async with desk.units() as tx:
        assert await tx.positions.open(await desk.account()) == ()


async def test_a_filled_target_books_its_profit_and_leaves_the_rest_open(desk: Desk) -> None:
    entry = await desk.approve(await desk.suggest())
    await desk.fill(entry)
    call = next(order for order in await desk.orders(OrderKind.TARGET) if order.spread_key == "call-1")
    assert call.broker_order_id is not None
    prices = {leg.symbol: D(1) if leg.action.sign > 0 else D("0.50") for leg in call.legs}
    desk.broker.fill(call.broker_order_id, prices)
    await desk.alert(call.broker_order_id)
    opened = {line.leg.symbol: desk.mids(await desk.order(entry))[line.leg.symbol] for line in call.lines}
    gains = [(opened[leg.symbol] - prices[leg.symbol]) * leg.signed_quantity * 100 for leg in call.legs]
    expected = sum(gains, D(0))
    async with desk.units() as tx:
        position = (await tx.positions.open(await desk.account()))[0]
        assert await tx.positions.realised(position.id) == expected.quantize(D("0.01"))
    assert position.status is PositionStatus.OPEN_PARTIAL


async def test_another_deployments_live_order_halts_entries(desk: Desk) -> None:
    entry = await desk.approve(await desk.suggest())
    ours = desk.broker.orders[(await desk.order(entry)).broker_order_id or ""]
    desk.broker.orders["77"] = replace(ours, id="77", external_identifier="senex-00000000-" + "0" * 32)
    await desk.offer("reconcile", await desk.account(), await desk.account())
    await desk.drain()
    async with desk.units() as tx:
        fence = await tx.accounts.fence(await desk.account())
    assert fence.state is TradingState.REDUCE_ONLY
    assert "another senex" in fence.reason


async def test_nothing_is_sent_before_a_reconcile(desk: Desk) -> None:
    suggestion = await desk.suggest()
    async with desk.units() as tx:
        await tx.accounts.unready(
            await desk.account(), reason="the alert stream was interrupted", now=desk.clock.now()
        )
        await tx.commit()
    decision = await desk.approval(suggestion)
    await desk.drain()
    assert await desk.answer(decision) == ("refused", "E_NOT_READY")


async def test_an_approved_entry_waits_for_the_reconcile(desk: Desk) -> None:
    await desk.approval(await desk.suggest())
    await desk.run((await desk.work())[0])
    execute = next(each for each in await desk.work() if each.job == "execute")
    async with desk.units() as tx:
        await tx.accounts.unready(
            await desk.account(), reason="the streamer has just started", now=desk.clock.now()
        )
        await tx.commit()
    with pytest.raises(Postponed):
        await desk.run(execute)
    assert desk.broker.posts == []
    reconcile = await desk.offer("reconcile", await desk.account(), await desk.account())
    await desk.run(reconcile)
    await desk.run(execute)
    assert len(desk.broker.posts) == 1


async def test_two_accounts_keep_apart(desk: Desk) -> None:
    desk.broker.listed = (FACTS, replace(FACTS, number="5SX00002"))
    await desk.offer("start", "")
    await desk.drain()
    await desk.approve(await desk.suggest())
    async with desk.units() as tx:
        first, second = await tx.accounts.all(ENVIRONMENT)
        assert len(await tx.positions.open(first.id)) == 1
        assert await tx.positions.open(second.id) == ()
        fence = await tx.accounts.fence(second.id)
    assert fence.ready


@pytest.mark.parametrize("seed", range(8))
async def test_fills_in_any_pieces_and_order_give_the_same_books(desk: Desk, seed: int) -> None:
    """Alerts late, early, doubled and out of order: each contract is booked once, at its own price."""
    chance = random.Random(seed)
    entry = await desk.approve(await desk.suggest())
    order = await desk.order(entry)
    theirs = desk.broker.orders[order.broker_order_id or ""]
    mids = desk.mids(order)
    pieces = [
        (
            leg.symbol,
            BrokerFill(f"{seed}-{leg.symbol}-{i}", 1, mids[leg.symbol] + D(chance.randint(-2, 2)) / 100, NOW),
        )
        for leg in theirs.legs
        for i in range(leg.quantity)
    ]
    chance.shuffle(pieces)
    told = [_with_fills(theirs, pieces[: count + 1]) for count in range(len(pieces))]
    told += chance.choices(told, k=3)
    chance.shuffle(told)
    for state in told:
        desk.broker.orders[theirs.id] = state
        await desk.alert(theirs.id)
    desk.broker.orders[theirs.id] = _with_fills(theirs, pieces)
    async with desk.units() as tx:
        booked = await tx.orders.fills(entry)
        position = await tx.positions.get(order.position_id)
        lots = await tx.positions.lots(position.id)
    assert sorted(each.fill.fill_id for each in booked) == sorted(fill.fill_id for _, fill in pieces), seed
    held = dict.fromkeys(mids, 0)
    for lot in lots:
        held[lot.symbol] += lot.quantity
    assert held == {leg.symbol: leg.signed_quantity for leg in order.legs}, seed
    assert (await desk.order(entry)).status is OrderStatus.FILLED, seed
    assert len(await desk.orders(OrderKind.TARGET)) == 3, seed
    paid = sum((lot.price * -lot.quantity for lot in lots), D(0))
    credits_ = sum((spread.credit or D(0) for spread in position.spreads), D(0))
    assert abs(credits_ - paid) < D("0.000001"), seed


def _with_fills(order: BrokerOrder, fills: list[tuple[str, BrokerFill]]) -> BrokerOrder:
    legs = tuple(
        replace(leg, fills=tuple(fill for symbol, fill in fills if symbol == leg.symbol))
        for leg in order.legs
    )
    whole = all(sum(fill.quantity for fill in leg.fills) == leg.quantity for leg in legs)
    return replace(order, legs=legs, status=BrokerStatus.FILLED if whole else BrokerStatus.LIVE)


@pytest.mark.parametrize(
    ("kind", "state", "ready", "allowed"),
    [
        ("entry", "active", True, True),
        ("entry", "reduce_only", True, False),
        ("entry", "halted", True, False),
        ("entry", "active", False, False),
        ("target", "reduce_only", True, True),
        ("target", "halted", True, False),
    ],
)
async def test_the_database_itself_holds_the_trading_state(
    desk: Desk, kind: str, state: str, ready: bool, allowed: bool
) -> None:
    """Whoever forgets to ask: no attempt becomes SENDING against the state."""
    await desk.approval(await desk.suggest())
    await desk.run((await desk.work())[0])
    execute = next(each for each in await desk.work() if each.job == "execute")
    async with desk.engine.begin() as connection:
        await connection.execute(update(table(tables.TradingState)).values(state=state))
        await connection.execute(update(table(tables.Readiness)).values(ready=ready))
        await connection.execute(update(table(tables.TradeOrder)).values(kind=kind, spread_key="put-1"))
    async with desk.units() as tx:
        attempted = tx.orders.start_sending(UUID(execute.subject), epoch=1, now=NOW)
        if allowed:
            assert await attempted
        else:
            with pytest.raises(psycopg.IntegrityError, match="nothing may be sent"):
                await attempted
