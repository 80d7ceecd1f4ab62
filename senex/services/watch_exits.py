"""The timer of exits: the ladder and the stop of each position, and whoever waits for a price."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from senex.domain.alarms import Alarm, Severity
from senex.domain.calendar import new_york_date
from senex.domain.closing import Cause, ExitStatus, SpreadExit, Terms, held_of
from senex.domain.errors import Unavailable
from senex.domain.exits import in_regular_hours, ladder_step, last_day
from senex.domain.positions import OPEN_STATUSES
from senex.domain.quotes import Market
from senex.domain.unknown import Unknown
from senex.services.exit_case import stops_of
from senex.services.follow import mend_later
from senex.services.position_alarms import BLIND, UNMANAGED
from senex.services.watch_loss import result_of, watch_loss

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from senex.domain.calendar import Calendar
    from senex.domain.lots import Lot
    from senex.domain.positions import Position
    from senex.ports.records import Instrument, Work
    from senex.ports.unit_of_work import UnitOfWork
    from senex.services.context import Context

_FIRST_LOOK = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class _Watch:
    """One look at an account in a session it knows."""

    calendar: Calendar
    market: Market
    instruments: Mapping[str, Instrument]
    now: datetime
    alarms: Collection[tuple[str, str]]
    """Code and object of those that stood before."""

    @property
    def today(self) -> date:
        return new_york_date(self.now)


async def watch_exits(context: Context, account_id: UUID, work: Work) -> None:
    """Begin the exits that are due, and have every position that is being closed looked after.

    Outside the regular session nothing is due.
    """
    now = context.clock.now()
    async with context.units.reading() as tx:
        positions = [one for one in await tx.positions.open(account_id) if one.status in OPEN_STATUSES]
        calendar = await tx.market.calendar(new_york_date(now))
        symbols = {leg.symbol for one in positions for spread in one.spreads for leg in spread.plan.legs}
        instruments = await tx.market.instruments(sorted(symbols))
        alarms = await tx.alarms.standing(account_id)
    session = calendar.session_on(new_york_date(now))
    watch = _Watch(calendar, await _market(context, instruments), instruments, now, alarms)
    if in_regular_hours(session, now):
        for position in positions:
            async with context.units() as tx:
                await _watch(tx, await tx.positions.get(position.id, lock=True), watch)
                await tx.commit()
    async with context.units() as tx:
        for position_id in dict.fromkeys(wish.position_id for wish in await tx.exits.active(account_id)):
            await mend_later(tx, await tx.positions.get(position_id))
        if _time_for_dividends(watch):
            key = f"dividends:{account_id}:{now:%Y-%m-%dT%H:%M}"
            subject = str(account_id)
            await tx.outbox.add(
                "watch_dividends", subject, queue="trading", account_id=account_id, dedupe_key=key
            )
        await tx.outbox.done(work)
        await tx.commit()


async def _market(context: Context, instruments: Mapping[str, Instrument]) -> Market:
    """What is quoted now; without Redis nothing is known, and nothing is stopped for it."""
    try:
        return await context.quotes.snapshot({each.streamer for each in instruments.values()})
    except Unavailable:
        return Market()


def _time_for_dividends(watch: _Watch) -> bool:
    """Once an hour of the session, and as it begins."""
    session = watch.calendar.session_on(watch.today)
    if session is None or isinstance(session, Unknown) or not in_regular_hours(session, watch.now):
        return False
    return watch.now - session.opens < _FIRST_LOOK or watch.now.minute < _FIRST_LOOK // timedelta(minutes=2)


async def _watch(tx: UnitOfWork, position: Position, watch: _Watch) -> None:
    if position.status not in OPEN_STATUSES or position.parent_id is not None:
        return
    lots = await tx.positions.lots(position.id)
    held = {lot.symbol for lot in lots if lot.open_quantity}
    last = last_day(position.expiry, held, stops_of(watch.instruments))
    step = ladder_step(
        expiry=last, dte=position.exit_plan.time_exit_dte, today=watch.today, calendar=watch.calendar
    )
    if isinstance(step, Unknown):
        text = f"{position.underlying}: its ladder stands still, since {step.why}."
        alarm = Alarm(BLIND, Severity.CRITICAL, position.account_id, "position", str(position.id), text)
        await tx.alarms.sound(alarm, watch.now)
        step = None
    elif (BLIND, str(position.id)) in watch.alarms:
        await tx.alarms.resolve(BLIND, str(position.id), account_id=position.account_id, now=watch.now)
    if not position.managed:
        if step is not None:
            await _say_unmanaged(tx, position, last, watch.now)
        return
    realised = await tx.positions.realised(position.id)
    result = result_of(lots, realised, watch.market, watch.instruments, watch.now)
    if await watch_loss(tx, position, result, watch.now, standing=watch.alarms):
        await _begin(tx, position, lots, Cause.STOP_LOSS, watch.now)
    elif step is not None:
        await _begin(tx, position, lots, Cause.TIME_EXIT, watch.now, step=step)


async def _begin(
    tx: UnitOfWork,
    position: Position,
    lots: Sequence[Lot],
    cause: Cause,
    now: datetime,
    *,
    step: int = 0,
) -> None:
    """Once per spread, cause and session; what is being closed goes on as it is, but a stop outruns the ladder."""
    today = new_york_date(now)
    earlier = await tx.exits.of_position(position.id)
    for spread in position.spreads:
        key = spread.plan.key
        mine = [wish for wish in earlier if wish.spread_key == key]
        active = next((wish for wish in mine if wish.active), None)
        outrun = active is not None and (active.cause, cause) == (Cause.TIME_EXIT, Cause.STOP_LOSS)
        tried = any(
            (wish.cause, wish.session) == (cause, today) and wish.status is not ExitStatus.DONE
            for wish in mine
        )
        if held_of(spread.plan, lots).empty or tried or (active is not None and not outrun):
            continue
        if active is not None:
            await tx.exits.save(replace(active, status=ExitStatus.GIVEN_UP, why="its stop was reached"))
        await tx.exits.add(
            SpreadExit(
                id=uuid4(),
                account_id=position.account_id,
                position_id=position.id,
                spread_key=key,
                cause=cause,
                terms=Terms.WORKED if cause is Cause.TIME_EXIT else Terms.NATURAL,
                created_at=now,
                session=today,
                step=step,
            )
        )
        plan = position.exit_plan
        ladder = f"step {step} of the ladder, which begins {plan.time_exit_dte} days before it expires"
        stop = f"{plan.stop_order_share:.0%} of its maximum loss"
        await tx.journal.note(
            "exit wanted",
            actor="daemon",
            object_type="position",
            object_id=f"{position.id}/{key}",
            account_id=position.account_id,
            after=cause,
            why=ladder if cause is Cause.TIME_EXIT else stop,
            now=now,
        )


async def _say_unmanaged(tx: UnitOfWork, position: Position, last: date, now: datetime) -> None:
    short = str(position.id)[:8]
    text = (
        f"{position.underlying} {short} was opened elsewhere and trades for the last time on {last:%d %b}; senex "
        f"leaves it alone. `senex positions adopt {short}` gives it an exit plan, `senex positions close {short}` ends "
        "it."
    )
    alarm = Alarm(UNMANAGED, Severity.WARNING, position.account_id, "position", str(position.id), text)
    await tx.alarms.sound(alarm, now)
