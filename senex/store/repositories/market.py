"""Calendar, daily bars and instruments."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Text, any_, bindparam, func, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert

from senex.domain.calendar import Calendar, Session
from senex.domain.chain import Candle
from senex.domain.legs import InstrumentType
from senex.ports.records import Instrument
from senex.store import tables
from senex.store.repositories.base import Repository, table
from senex.store.repositories.statements import Query

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date
    from decimal import Decimal

_session = table(tables.MarketSession)
_bar = table(tables.HistoricalPrice)
_instrument = table(tables.Instrument)
_REACH = timedelta(days=366)
_NAMED = Query(
    select(_instrument).where(_instrument.c.symbol == any_(bindparam("symbols", type_=ARRAY(Text))))
)
_meeting = upsert(_instrument)
_MEET_INSTRUMENT = _meeting.on_conflict_do_nothing()
_SAVE_INSTRUMENT = _meeting.on_conflict_do_update(
    index_elements=["symbol"],
    set_={name: _meeting.excluded[name] for name in ("streamer_symbol", "multiplier", "stops_trading_at")},
)
_near = _session.c.day.between(bindparam("first"), bindparam("last"))
_SESSIONS = Query(select(_session).where(_near).order_by(_session.c.day))
_DIGEST = Query(
    select(func.sum(func.hash_record_extended(literal_column("market_session"), 0)).label("digest")).where(
        _near
    )
)
_calendars: dict[date, tuple[Decimal | None, Calendar]] = {}
"""The last calendar that was read, and what its rows came to: two years of sessions seldom change."""


class MarketRepository(Repository):
    """``ports.history.MarketFacts`` on Postgres."""

    async def calendar(self, around: date) -> Calendar:
        reach = {"first": around - _REACH, "last": around + _REACH}
        [[found]] = await self._ask(_DIGEST, **reach)
        if (known := _calendars.get(around)) is not None and known[0] == found.digest:
            return known[1]
        (rows,) = await self._ask(_SESSIONS, **reach)
        calendar = Calendar(tuple(Session(row.day, row.opens_at, row.closes_at) for row in rows))
        _calendars.clear()  # one day is asked for, all day
        _calendars[around] = found.digest, calendar
        return calendar

    async def candles(self, timeline: str, symbol: str, since: date) -> tuple[Candle, ...]:
        rows = await self._rows(
            select(_bar)
            .where(_bar.c.timeline == timeline, _bar.c.symbol == symbol, _bar.c.day >= since)
            .order_by(_bar.c.day)
        )
        return tuple(Candle(row.day, row.open, row.high, row.low, row.close, row.volume) for row in rows)

    async def save_candles(self, timeline: str, symbol: str, candles: Sequence[Candle]) -> None:
        if not candles:
            return
        rows = [
            {
                "timeline": timeline,
                "symbol": symbol,
                "day": bar.day,
                "open": bar.open,
                "high": bar.high,
                "low": bar.low,
                "close": bar.close,
                "volume": bar.volume,
            }
            for bar in candles
        ]
        statement = upsert(_bar).values(rows)
        figures = {name: statement.excluded[name] for name in ("open", "high", "low", "close", "volume")}
        await self._run(
            statement.on_conflict_do_update(index_elements=["timeline", "symbol", "day"], set_=figures)
        )

    async def save_instruments(self, instruments: Sequence[Instrument]) -> None:
        await self._insert(_SAVE_INSTRUMENT, _from_instruments(instruments))

    async def meet_instruments(self, instruments: Sequence[Instrument]) -> None:
        await self._insert(_MEET_INSTRUMENT, _from_instruments(instruments))

    async def instruments(self, symbols: Collection[str]) -> Mapping[str, Instrument]:
        (rows,) = await self._ask(_NAMED, symbols=list(symbols))
        return {
            row.symbol: Instrument(
                row.symbol, row.streamer_symbol, row.underlying, row.multiplier, row.stops_trading_at
            )
            for row in rows
        }


def _from_instruments(instruments: Sequence[Instrument]) -> list[dict[str, object]]:
    return [
        {
            "symbol": item.symbol,
            "instrument_type": InstrumentType.of(item.symbol),
            "streamer_symbol": item.streamer,
            "underlying": item.underlying,
            "multiplier": item.multiplier,
            "stops_trading_at": item.stops_trading_at,
        }
        for item in instruments
    ]
