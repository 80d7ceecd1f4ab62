"""The timer of exits: each open position's ladder, and whoever waits for a price is looked after."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from senex.domain.calendar import new_york_date
from senex.domain.closing import Cause, ExitStatus, SpreadExit, Terms, held_of
from senex.domain.exits import in_regular_hours, ladder_step
from senex.domain.positions import OPEN_STATUSES
from senex.services.follow import mend_later

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from senex.domain.calendar import Calendar
    from senex.domain.positions import Position
    from senex.ports.records import Instrument, Work
    from senex.ports.unit_of_work import UnitOfWork
    from senex.services.context import Context


async def watch_exits(context: Context, account_id: UUID, work: Work) -> None:
    """Begin the exits that are due today, and have every position that is being closed looked after."""
    now = context.clock.now()
    async with context.units.reading() as tx:
        positions = await tx.positions.open(account_id)
        calendar = await tx.market.calendar(new_york_date(now))
    for position in positions:
        if position.status in OPEN_STATUSES and position.managed:
            await _watch(context, position, calendar)
    async with context.units() as tx:
        closing = {wish.position_id for wish in await tx.exits.active(account_id)}
        for position in positions:
            if position.id in closing:
                await mend_later(tx, position)
        await tx.outbox.done(work)
        await tx.commit()


async def _watch(context: Context, position: Position, calendar: Calendar) -> None:
    now = context.clock.now()
    today = new_york_date(now)
    symbols = {leg.symbol for spread in position.spreads for leg in spread.plan.legs}
    async with context.units() as tx:
        await tx.positions.get(position.id, lock=True)
        instruments = await tx.market.instruments(sorted(symbols))
        step = ladder_step(
            expiry=_last_day(position, instruments),
            dte=position.exit_plan.time_exit_dte,
            today=today,
            calendar=calendar,
        )
        if isinstance(step, int) and in_regular_hours(calendar.session_on(today), now):
            await _begin(tx, position, step, now)
        await tx.commit()


def _last_day(position: Position, instruments: Mapping[str, Instrument]) -> date:
    """The last day on which all legs trade: AM-settled options stop the day before they expire (DOMAIN 0.10)."""
    stops = [new_york_date(each.stops_trading_at) for each in instruments.values() if each.stops_trading_at]
    return min([position.expiry, *stops])


async def _begin(tx: UnitOfWork, position: Position, step: int, now: datetime) -> None:
    """The ladder's step of today, once per spread and session; what is being closed already goes on as it is."""
    today = new_york_date(now)
    lots = await tx.positions.lots(position.id)
    earlier = await tx.exits.of_position(position.id)
    for spread in position.spreads:
        key = spread.plan.key
        mine = [wish for wish in earlier if wish.spread_key == key]
        if held_of(spread.plan, lots).empty or any(wish.active for wish in mine) or _tried(mine, today):
            continue
        await tx.exits.add(
            SpreadExit(
                id=uuid4(),
                account_id=position.account_id,
                position_id=position.id,
                spread_key=key,
                cause=Cause.TIME_EXIT,
                terms=Terms.WORKED,
                created_at=now,
                session=today,
                step=step,
            )
        )
        await tx.journal.note(
            "exit wanted",
            actor="daemon",
            object_type="position",
            object_id=f"{position.id}/{key}",
            account_id=position.account_id,
            after=Cause.TIME_EXIT,
            why=f"step {step} of the ladder, {position.exit_plan.time_exit_dte} days before it expires",
            now=now,
        )


def _tried(exits: Sequence[SpreadExit], today: date) -> bool:
    return any(
        wish.cause is Cause.TIME_EXIT and wish.session == today and wish.status is not ExitStatus.DONE
        for wish in exits
    )
