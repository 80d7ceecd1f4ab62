"""Candles: history as a snapshot, then the last candle as it grows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from senex.simulator.columns import NAN, milliseconds
from senex.simulator.market.bars import period_of

if TYPE_CHECKING:
    from senex.simulator.columns import Row, Subscription
    from senex.simulator.exchange import Exchange
    from senex.simulator.market.bars import Bar

PENDING, REMOVE, BEGIN, END, SNIP = 1, 2, 4, 8, 16
HISTORY = 4_000
"""The longest snapshot, in candles; a longer history ends in SNIP where this many are sent."""
_REGULAR = "tho=true"
_LAST = 4_000_000_000_000
_HOURS = {False: 23_400, True: 57_600}
"""Seconds of a session's regular and extended hours."""
_HALF_DAYS = 8


@dataclass(frozen=True, slots=True)
class CandleName:
    """What a candle symbol asks for: ``QQQ{=5m,tho=true}`` is QQQ, 5m, regular hours only."""

    name: str
    period: str
    extended: bool


def candle_symbol(text: str) -> CandleName | None:
    """Read a candle symbol; None when it is none."""
    name, brace, rest = text.partition("{=")
    if not brace or not name or not rest.endswith("}"):
        return None
    period, *attributes = rest[:-1].split(",")
    if period_of(period) is None:
        return None
    return CandleName(name, period, _REGULAR not in attributes)


def candle_rows(exchange: Exchange, wanted: Subscription) -> list[Row]:
    """A snapshot when the subscription is fresh, else the candles since the last one sent, which grows."""
    asked = candle_symbol(wanted.name)
    if asked is None:
        return []
    since = (wanted.since or 0) if wanted.fresh else wanted.sequence
    start = _start(exchange, asked, since)
    bars = exchange.market.bars(
        wanted.symbol, asked.period, start, exchange.board.tick, extended=asked.extended
    )
    if bars is None:
        return []
    if not bars:
        return [_empty(wanted)] if wanted.fresh else []
    wanted.sequence = milliseconds(bars[-1].start)
    if not wanted.fresh:
        return [_row(wanted.name, bar, 0) for bar in bars]
    return [_row(wanted.name, bar, flags) for bar, flags in _flagged(bars)]


def _start(exchange: Exchange, asked: CandleName, since: int) -> datetime:
    """Where to begin: not earlier than the sessions that a longest snapshot needs."""
    period, sessions = period_of(asked.period), exchange.market.sessions
    start = datetime.fromtimestamp(min(max(since, 0), _LAST) / 1000, tz=UTC)
    if period is None or not period.seconds:
        return start
    per_session = _HOURS[asked.extended] // period.seconds
    number = sessions.last_started(exchange.market.instant(exchange.board.tick))
    needed = HISTORY // max(1, per_session) + _HALF_DAYS
    return max(start, sessions[max(sessions.first, number - needed)].opens)


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
    """A candle; its count of trades is its volume in round lots, what nobody keeps is NaN."""
    at = milliseconds(bar.start)
    count = -(-bar.volume // 100)
    return (
        name, 0, flags, at // 1000 << 32, at, 0, count,
        bar.volume, NAN, NAN, NAN, NAN, NAN, bar.open, bar.high, bar.low, bar.close,
    )  # fmt: skip
