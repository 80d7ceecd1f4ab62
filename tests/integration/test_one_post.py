"""Around the one POST: what comes before it, when it is tried again, and who waits for whom."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from time import monotonic
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from sqlalchemy import text

from senex.domain.errors import Unavailable
from senex.domain.orders import AttemptStatus, OrderKind, OrderStatus
from senex.domain.trading_state import TradingState
from senex.ports.broker import Ambiguous, RefusedByBroker
from senex.services.context import Postponed
from senex.services.execute import FIRST_BYTE_WITHIN
from senex.services.replace import intend_replacement
from senex.store.engine import open_engine
from senex.testing import market
from senex.testing.broker import LOST, MemoryBroker
from tests.integration.test_money_path import intended
from tests.integration.test_use_cases import Desk, desk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from sqlalchemy.ext.asyncio import AsyncConnection

    from senex.domain.orders import Attempt
    from senex.ports.broker import DryRun, Submission, Ticket
    from senex.ports.records import Work

__all__ = ["desk"]
D = Decimal
BUSY = RefusedByBroker("E_BROKER_BUSY", "too many requests", retriable=True)


class Watching(MemoryBroker):
    """Notes what it was asked and when; its dry run may ask for more margin, or never end."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk.clock)
        self.__dict__.update(desk.broker.__dict__)
        self.asked: list[str] = []
        self.by: list[tuple[float, float]] = []
        self.requires = D(200)
        self.slow = False
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    async def prepare(self) -> None:
        self.asked.append("prepare")

    async def dry_run(self, ticket: Ticket) -> DryRun:
        self.asked.append("dry run")
        if self.slow:
            await asyncio.get_running_loop().create_future()
        return replace(await super().dry_run(ticket), margin_requirement=self.requires)

    async def submit(self, ticket: Ticket, *, first_byte_by: float | None = None) -> Submission:
        if first_byte_by is not None:  # else it is how a replacement is taken
            self._note("submit", first_byte_by)
        outcome = await super().submit(ticket)
        if self.meanwhile is not None:
            await self.meanwhile()
        return outcome

    async def replace(
        self, order_id: str, ticket: Ticket, *, first_byte_by: float | None = None
    ) -> Submission:
        self._note("replace", first_byte_by)
        return await super().replace(order_id, ticket)

    def _note(self, what: str, by: float | None) -> None:
        assert by is not None
        self.asked.append(what)
        self.by.append((monotonic(), by))


def watched(desk: Desk) -> tuple[Desk, Watching]:
    """The same desk before a broker that is watched."""
    broker = Watching(desk)
    context = replace(desk.context, broker=broker)
    return Desk(context, broker, desk.quotes, desk.clock, desk.engine), broker


async def attempts(desk: Desk, order_id: UUID) -> tuple[Attempt, ...]:
    async with desk.units() as tx:
        return await tx.orders.attempts(order_id)


async def order_of(desk: Desk, work: Work) -> UUID:
    async with desk.units() as tx:
        return (await tx.orders.attempt(UUID(work.subject))).order_id


def quoted(desk: Desk, **told: float) -> None:
    desk.quotes.market = market.market(desk.broker.chain_told, at=desk.clock.now(), **told)


async def undone(desk: Desk, work: Work) -> bool:
    return work.id in {each.id for each in await desk.work()}


async def test_the_login_and_the_dry_run_come_first_and_the_first_byte_has_a_deadline(desk: Desk) -> None:
    watching, broker = watched(desk)
    began = monotonic()
    entry = await watching.order(await watching.approve(await watching.suggest()))
    assert broker.asked == ["prepare", "dry run", "submit"]
    async with desk.units() as tx:
        await tx.positions.get(entry.position_id, lock=True)
        price = entry.limit_price - D("0.01")
        await intend_replacement(tx, entry, limit=price, actor="trader", why="cheaper", now=desk.clock.now())
        await tx.commit()
    await watching.drain()
    # a broker tries an order beside the one that it is to replace, so that tells nothing
    assert broker.asked[3:] == ["prepare", "replace"]
    for at, by in broker.by:
        assert began + FIRST_BYTE_WITHIN <= by <= at + FIRST_BYTE_WITHIN


async def test_a_broker_that_stays_busy_is_asked_three_times(desk: Desk) -> None:
    desk.broker.answers = [BUSY] * 5
    entry = await desk.approve(await desk.suggest())
    assert (await desk.order(entry)).status is OrderStatus.REJECTED
    tried = await attempts(desk, entry)
    assert [each.number for each in tried] == [1, 2, 3]
    assert {each.status for each in tried} == {AttemptStatus.REFUSED}
    async with desk.engine.connect() as connection:
        rows = await connection.execute(
            text("SELECT lease_until - created_at FROM outbox WHERE job = 'execute' ORDER BY id")
        )
        first, *others = rows.scalars()
    assert first is None
    assert [round(each.total_seconds()) for each in others] == [5, 5]


async def test_what_a_check_refuses_is_over(desk: Desk) -> None:
    desk.broker.refuses = "margin_check_failed"
    entry = await desk.approve(await desk.suggest())
    assert (await desk.order(entry)).status is OrderStatus.REJECTED
    assert [each.status for each in await attempts(desk, entry)] == [AttemptStatus.REFUSED]
    assert desk.broker.posts == []


@pytest.mark.parametrize(("late", "sent"), [(timedelta(0), 1), (timedelta(microseconds=1), 0)])
async def test_an_approval_is_good_to_its_last_instant(desk: Desk, late: timedelta, sent: int) -> None:
    work = await intended(desk)
    order = await desk.order(await order_of(desk, work))
    assert order.valid_until is not None
    desk.clock.advance(order.valid_until + late - desk.clock.now())
    quoted(desk)
    await desk.run(work)
    assert len(desk.broker.posts) == sent
    wanted = OrderStatus.WORKING if sent else OrderStatus.REJECTED
    assert (await desk.order(order.id)).status is wanted


async def test_a_price_that_left_the_band_sends_nothing_and_waits_for_no_dry_run(desk: Desk) -> None:
    work = await intended(desk)
    watching, broker = watched(desk)
    broker.slow = True
    quoted(desk, half_spread=0.02, spot=520.0)
    await watching.run(work)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert broker.posts == []
    assert (await desk.order(await order_of(desk, work))).status is OrderStatus.REJECTED
    assert not await undone(desk, work)


async def test_what_the_broker_itself_would_require_counts(desk: Desk) -> None:
    work = await intended(desk)
    watching, broker = watched(desk)
    broker.requires = D(-45_000)
    await watching.run(work)
    assert broker.posts == []
    assert (await desk.order(await order_of(desk, work))).status is OrderStatus.REJECTED


async def test_what_reduces_risk_asks_nothing_of_the_account(desk: Desk) -> None:
    entry = await desk.order(await desk.approve(await desk.suggest()))
    assert entry.broker_order_id is not None
    desk.broker.fill(entry.broker_order_id, desk.mids(entry))
    desk.clock.advance(timedelta(minutes=30))
    quoted(desk)
    desk.broker.away = {"accounts"}
    await desk.alert(entry.broker_order_id, drain=False)
    while work := [
        each for each in await desk.work() if each.job in ("apply_alert", "tend_position", "execute")
    ]:
        for each in work:
            await desk.run(each)
    assert {each.status for each in await desk.orders(OrderKind.TARGET)} == {OrderStatus.WORKING}
    with pytest.raises(Unavailable):
        await desk.drain()  # what reads the account finds the broker away


async def test_work_that_somebody_else_has_done_is_done(desk: Desk) -> None:
    work = await intended(desk)
    await desk.run(work)
    again = await desk.offer("execute", work.subject, work.account_id)
    await desk.run(again)
    assert not await undone(desk, again)
    assert len(desk.broker.posts) == 1


async def test_work_that_names_no_account_takes_the_lock_of_its_own(desk: Desk) -> None:
    work = await intended(desk)
    async with desk.context.units.account_lock(await desk.account()):
        running = asyncio.create_task(desk.run(replace(work, account_id=None)))
        await waited_for(desk, running, "advisory")
        assert desk.broker.posts == []
    await running
    assert len(desk.broker.posts) == 1


async def test_a_sender_is_dead_after_fifteen_seconds_and_its_order_is_looked_for(desk: Desk) -> None:
    work = await sending(desk)
    await desk.run(work)
    order = await desk.order(await order_of(desk, work))
    assert order.status is OrderStatus.UNKNOWN
    assert not await undone(desk, work)
    async with desk.engine.connect() as connection:
        alarms = await connection.execute(text("SELECT code, object_id FROM alarm WHERE resolved_at IS NULL"))
        assert [tuple(row) for row in alarms] == [("OUTCOME_UNKNOWN", str(order.id))]
        looks = await connection.execute(
            text(
                "SELECT lease_until - created_at FROM outbox WHERE job = 'reconcile' AND done_at IS NULL ORDER BY id"
            )
        )
        at_once, later = looks.scalars()
    assert at_once is None
    assert round(later.total_seconds()) == 200


async def test_who_may_still_be_sending_is_left_alone(desk: Desk) -> None:
    work = await sending(desk, since=5)
    with pytest.raises(Postponed, match="may still be sending"):
        await desk.run(work)
    async with desk.units() as tx:
        assert (await tx.orders.attempt(UUID(work.subject))).status is AttemptStatus.SENDING
    assert await undone(desk, work)


async def test_an_alert_that_is_faster_than_a_lost_answer_wins(desk: Desk) -> None:
    work = await intended(desk)
    watching, broker = watched(desk)
    broker.answers = [LOST]

    async def alert() -> None:
        await desk.alert(next(iter(broker.orders)), drain=False)
        await watching.run(next(each for each in await desk.work() if each.job == "apply_alert"))

    broker.meanwhile = alert
    await watching.run(work)
    order_id = await order_of(desk, work)
    assert (await desk.order(order_id)).status is OrderStatus.WORKING
    assert [each.status for each in await attempts(desk, order_id)] == [AttemptStatus.ACCEPTED]
    assert not await undone(desk, work)


async def test_an_answer_that_is_lost_for_good_ends_the_work(desk: Desk) -> None:
    work = await intended(desk)
    desk.broker.answers = [Ambiguous("the answer got lost")]
    await desk.run(work)
    assert (await desk.order(await order_of(desk, work))).status is OrderStatus.UNKNOWN
    assert not await undone(desk, work)


# -- who waits for whom -------------------------------------------------------------------------


async def sending(desk: Desk, *, since: int = 15) -> Work:
    """An order whose sender began so many seconds ago; the work that settles it."""
    work = await intended(desk)
    async with desk.units() as tx:
        assert await tx.orders.start_sending(UUID(work.subject), epoch=1, now=desk.clock.now())
        await tx.commit()
    async with desk.engine.begin() as connection:
        await connection.execute(
            text("UPDATE attempt SET sending_machine = clock_timestamp() - make_interval(secs => :since)"),
            {"since": since},
        )
    return work


@asynccontextmanager
async def beside(desk: Desk) -> AsyncIterator[AsyncConnection]:
    """A transaction of somebody else, committed at the end."""
    async with AsyncExitStack() as stack:
        engine = open_engine(desk.engine.url.render_as_string(hide_password=False), size=1)
        stack.push_async_callback(engine.dispose)
        yield await stack.enter_async_context(engine.begin())


async def waited_for(desk: Desk, running: asyncio.Task[None], kind: str) -> None:
    """Return once somebody waits for a lock; the task must not end before."""
    while True:
        async with desk.engine.connect() as connection:
            waiting = await connection.execute(
                text(
                    "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
                    "WHERE NOT l.granted AND a.datname = current_database() AND (l.locktype = :kind) = :same"
                ),
                {"kind": "advisory", "same": kind == "advisory"},
            )
        if waiting.scalar_one():
            return
        assert not running.done(), running.exception()
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("held", "free"),
    [("position", ("trade_order", "attempt")), ("trade_order", ("attempt",)), ("attempt", ())],
)
async def test_everybody_locks_position_order_and_attempt_in_this_order(
    desk: Desk, held: str, free: tuple[str, ...]
) -> None:
    work = await sending(desk)
    async with beside(desk) as other:
        await other.execute(text(f"SELECT FROM {held} FOR UPDATE"))
        running = asyncio.create_task(desk.run(work))
        await waited_for(desk, running, "row")
        for table in free:
            await other.execute(text(f"SELECT FROM {table} FOR UPDATE NOWAIT"))
        await other.execute(text("UPDATE attempt SET status = 'accepted'"))
    await running
    async with desk.units() as tx:
        assert (await tx.orders.attempt(UUID(work.subject))).status is AttemptStatus.ACCEPTED


async def test_a_halt_that_is_being_committed_is_waited_for(desk: Desk) -> None:
    work = await intended(desk)
    async with beside(desk) as other:
        await other.execute(text("UPDATE trading_state SET state = 'halted', epoch = epoch + 1"))
        running = asyncio.create_task(desk.run(work))
        await waited_for(desk, running, "row")
    await running
    assert desk.broker.posts == []
    assert (await desk.order(await order_of(desk, work))).status is OrderStatus.REJECTED
    async with desk.units() as tx:
        assert (await tx.accounts.fence(await desk.account())).state is TradingState.HALTED


async def test_an_order_nobody_may_close_yet_is_put_off(desk: Desk) -> None:
    """An exit that is too large beside what else closes is refused for good, one that meets a halt waits."""
    await desk.fill(await desk.approve(await desk.suggest()))
    target = (await desk.orders(OrderKind.TARGET))[0]
    async with desk.units() as tx:
        await tx.positions.get(target.position_id, lock=True)
        await intend_replacement(
            tx,
            target,
            limit=target.limit_price + D("-0.05"),
            actor="trader",
            why="dearer",
            now=desk.clock.now(),
        )
        await tx.accounts.set_state(
            target.account_id, TradingState.HALTED, reason="test", by="trader", now=desk.clock.now()
        )
        await tx.commit()
    sent = len(desk.broker.posts)
    [work] = [each for each in await desk.work() if each.job == "execute"]
    with pytest.raises(Postponed):
        await desk.run(work)
    assert len(desk.broker.posts) == sent
