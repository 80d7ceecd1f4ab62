"""Candles: history as a snapshot, then the last candle as it grows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

from senex.simulator.columns import NAN, milliseconds

if TYPE_CHECKING:
    from senex.simulator.columns import Row, Subscription
    from senex.simulator.exchange import Exchange

PENDING, REMOVE, BEGIN, END, SNIP = 1, 2, 4, 8, 16
HISTORY = 8_000
"""The longest snapshot, in candles; a longer history ends in SNIP where this many are sent."""
_REGULAR = "tho=true"


@dataclass(frozen=True, slots=True)
class CandleName:
    """What a candle symbol asks for: ``QQQ{=5m,tho=true}`` is QQQ, 5m, regular hours only."""

    name: str
    period: str
    extended: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """One candle's prices in dollars."""

    start: datetime
    open: float
    high: float
    low: float
    close: float
    volume: int


def candle_symbol(text: str) -> CandleName | None:
    """Read a candle symbol; None when it is none."""
    name, brace, rest = text.partition("{=")
    if not brace or not name or not rest.endswith("}"):
        return None
    period, *attributes = rest[:-1].split(",")
    return CandleName(name, period, _REGULAR not in attributes)


def candle_rows(exchange: Exchange, wanted: Subscription) -> list[Row]:
    """A snapshot when the subscription is fresh, else the candles since the last one sent, which grows."""
    asked = candle_symbol(wanted.name)
    if asked is None:
        return []
    since = (wanted.since or 0) if wanted.fresh else wanted.sequence
    bars = _bars(exchange, wanted.symbol, asked, datetime.fromtimestamp(since / 1000, tz=UTC))
    if bars is None:
        return []
    if not bars:
        return [_empty(wanted)] if wanted.fresh else []
    wanted.sequence = milliseconds(bars[-1].start)
    if not wanted.fresh:
        return [_row(wanted.name, bar, 0) for bar in bars]
    return [_row(wanted.name, bar, flags) for bar, flags in _flagged(bars)]


def _flagged(bars: list[Bar]) -> list[tuple[Bar, int]]:
    """A snapshot, newest first: one transaction, from BEGIN to END (or SNIP)."""
    newest = bars[::-1][:HISTORY]
    last = len(newest) - 1
    end = END if len(newest) == len(bars) else SNIP
    return [
        (bar, (BEGIN if index == 0 else 0) | (end if index == last else PENDING))
        for index, bar in enumerate(newest)
    ]


def _empty(wanted: Subscription) -> Row:
    """The snapshot of a history that has nothing: begun, ended, and its one candle removed."""
    wanted.sequence = wanted.since or 0
    nothing = (NAN,) * 10
    return (wanted.name, 0, BEGIN | END | REMOVE, 0, 0, 0, 0, *nothing)


def _row(name: str, bar: Bar, flags: int) -> Row:
    at = milliseconds(bar.start)
    middle = round((bar.high + bar.low + bar.close) / 3, 4)
    half = bar.volume // 2
    return (
        name, 0, flags, at // 1000 << 32, at, 0, max(1, bar.volume // 200),
        bar.volume, middle, half, bar.volume - half, NAN, NAN, bar.open, bar.high, bar.low, bar.close,
    )  # fmt: skip


def _bars(exchange: Exchange, symbol: str, asked: CandleName, since: datetime) -> list[Bar] | None:
    market, tick = exchange.market, exchange.board.tick
    if asked.period not in {"d", "1d"} or symbol not in market.underlyings:
        return None
    return [
        Bar(
            datetime.combine(day, time(), tzinfo=UTC),
            opened,
            high,
            low,
            close,
            market.draws.whole(20_000_000, 60_000_000, symbol, "volume", day.toordinal()),
        )
        for day, opened, high, low, close in market.daily_bars(symbol, since.date(), tick)
    ]
