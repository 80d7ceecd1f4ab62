"""What is measured day by day: bars, metrics and Greeks, for indicators now and looks back later."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from senex.domain.calendar import new_york_date
from senex.domain.errors import SenexError, Unavailable
from senex.domain.unknown import Unknown
from senex.services.context import finished

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from senex.domain.calendar import Calendar
    from senex.domain.chain import Candle
    from senex.ports.records import Work
    from senex.services.context import Context

BARS = timedelta(days=220)
_LATELY = timedelta(days=30)
_RAW, _YEAR = timedelta(days=30), timedelta(days=365)
BATCH = 5000


async def candles(context: Context, underlying: str, calendar: Calendar) -> tuple[Candle, ...]:
    """Stored bars, read again from the broker when the last closed session is missing."""
    now = context.clock.now()
    since = new_york_date(now) - BARS
    async with context.units() as tx:
        stored = await tx.market.candles(context.clock.timeline, underlying, since)
    last = calendar.last_closed(now)
    if stored and not isinstance(last, Unknown) and stored[-1].day >= last.day:
        return stored
    read = await context.broker.daily_candles(underlying, since)
    async with context.units() as tx:
        await tx.market.save_candles(context.clock.timeline, underlying, read)
        await tx.commit()
    return read


async def ensure_history(context: Context, account_id: UUID, work: Work) -> None:
    """Daily bars of everything the account has to do with, up to the last closed session."""
    async with context.units.reading() as tx:
        calendar = await tx.market.calendar(new_york_date(context.clock.now()))

    async def read(underlying: str) -> None:
        await candles(context, underlying, calendar)

    await _each(context, account_id, work, "bars", read)


async def record_metrics(context: Context, account_id: UUID, work: Work) -> None:
    """The day's IV rank, percentile and volatilities of the same underlyings."""

    async def read(underlying: str) -> None:
        metrics = await context.broker.metrics(underlying)
        async with context.units() as tx:
            await tx.history.save_metrics(context.clock.timeline, new_york_date(context.clock.now()), metrics)
            await tx.commit()

    await _each(context, account_id, work, "metrics", read)


async def record_greeks(context: Context, account_id: UUID, work: Work) -> None:
    """One row per contract held and minute; a contract without live Greeks, or without volatility, gets none."""
    now = context.clock.now()
    async with context.units.reading() as tx:
        held = await tx.history.held(account_id)
    market = await context.quotes.snapshot(set(held.values()))
    found = {symbol: market.greeks[name] for symbol, name in held.items() if name in market.greeks}
    fresh = {
        symbol: row
        for symbol, row in found.items()
        if row.volatility > 0 and now - row.received_at <= timedelta(minutes=5)
    }
    async with context.units() as tx:
        await tx.history.save_greeks(context.clock.timeline, now.replace(second=0, microsecond=0), fresh)
        await tx.outbox.done(work)
        await tx.commit()


async def aggregate_greeks(context: Context, work: Work, *, batch: int = BATCH) -> None:
    """All rows for a month, the last of each minute for a year, then the last of every five minutes."""
    now = context.clock.now()
    for since, until, seconds in ((now - _YEAR, now - _RAW, 60), (None, now - _YEAR, 300)):
        gone = batch
        while gone == batch:
            async with context.units() as tx:
                gone = await tx.history.thin_greeks(
                    context.clock.timeline, since=since, until=until, seconds=seconds, limit=batch
                )
                await tx.commit()
    await finished(context, work)


async def _each(
    context: Context, account_id: UUID, work: Work, source: str, read: Callable[[str], Awaitable[None]]
) -> None:
    """Read every underlying, whatever becomes of the others, and say how it went.

    Raises:
        Unavailable: when the broker was away for one; it is tried again.
    """
    now = context.clock.now()
    async with context.units.reading() as tx:
        underlyings = await tx.history.underlyings(account_id, now - _LATELY)
    failed: dict[str, SenexError] = {}
    for underlying in underlyings:
        try:
            await read(underlying)
        except SenexError as problem:
            failed[underlying] = problem
    detail = "; ".join(f"{name}: {problem.message}" for name, problem in failed.items())
    away = next((problem for problem in failed.values() if isinstance(problem, Unavailable)), None)
    async with context.units() as tx:
        said = detail or f"{len(underlyings)} underlyings"
        await tx.accounts.source(source, str(account_id), ok=not failed, detail=said, now=now)
        if away is None:
            await tx.outbox.done(work)
        await tx.commit()
    if away is not None:
        raise away
