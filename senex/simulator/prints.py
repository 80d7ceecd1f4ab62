"""Prints: the trades of other people, and what they add up to.

Whatever the day's volume grew by in a tick was one print, inside that tick's
quote. So time and sales, the last trade and the volume agree with each other
and with the quotes, whenever one looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from senex.simulator.columns import dollars, index_of, milliseconds
from senex.simulator.market.contracts import contract

if TYPE_CHECKING:
    from datetime import datetime

    from senex.simulator.columns import Row, Subscription
    from senex.simulator.exchange import Exchange

_BACKLOG = 16
"""A client that was away for longer gets the prints of this many ticks only."""
_LOOK_BACK = 240
_AT_THE_BID, _AT_THE_ASK = 0.45, 0.9


@dataclass(frozen=True, slots=True)
class Print:
    """One trade: ``price``, ``bid`` and ``ask`` are dollars per share, ``volume`` is the day's after it."""

    tick: int
    at: datetime
    price: float
    bid: float
    ask: float
    size: int
    volume: int
    direction: str

    @property
    def aggressor(self) -> str:
        """Who crossed the spread."""
        return "BUY" if self.price >= self.ask else "SELL" if self.price <= self.bid else "UNDEFINED"


def print_at(exchange: Exchange, symbol: str, tick: int) -> Print | None:
    """The print of one tick; None when nothing traded."""
    market = exchange.market
    volume = market.volume(symbol, tick)
    size = volume - market.volume(symbol, tick - 1)
    quote = market.quote(symbol, tick) if size > 0 else None
    if quote is None:
        return None
    price, before = _price(exchange, symbol, tick), _price(exchange, symbol, tick - 1)
    direction = "ZERO" if price == before else "UP" if price > before else "DOWN"
    paid, bid, ask = (dollars(count, quote.unit) for count in (price, quote.bid, quote.ask))
    return Print(tick, market.instant(tick), paid, bid, ask, size, volume, direction)


def last_print(exchange: Exchange, symbol: str) -> Print | None:
    """The last print in regular hours; None when there was none in their last minute."""
    market, tick = exchange.market, exchange.board.tick
    known = contract(symbol)
    if known is not None:
        tick = market.live_tick(known, tick)
    elif symbol in market.underlyings:
        session = market.sessions[market.sessions.last_started(market.instant(tick))]
        tick = min(tick, market.tick(session.closes))
    for back in range(_LOOK_BACK):
        found = print_at(exchange, symbol, tick - back)
        if found is not None:
            return found
    return None


def print_rows(exchange: Exchange, wanted: Subscription) -> list[Row]:
    """Time and sales since the last row sent; on a fresh subscription the newest print."""
    tick = exchange.board.tick
    first = tick if wanted.fresh else max(wanted.sequence + 1, tick - _BACKLOG + 1)
    wanted.sequence = tick
    found = (print_at(exchange, wanted.symbol, one) for one in range(first, tick + 1))
    market = exchange.market
    return [
        _row(wanted.name, one, extended=not market.trades(wanted.symbol, one.tick))
        for one in found
        if one is not None
    ]


def _price(exchange: Exchange, symbol: str, tick: int) -> int:
    """The price of a print in the quote's unit: an underlying's own price, else a side or the middle."""
    market = exchange.market
    if symbol in market.underlyings:
        return round(market.spot(symbol, tick) * 100)
    quote = market.quote(symbol, tick)
    if quote is None:
        return 0
    where = market.draws.uniform(symbol, "print", tick)
    if where < _AT_THE_BID and quote.bid:
        return quote.bid
    return quote.ask if where < _AT_THE_ASK else (quote.bid + quote.ask) // 2


def _row(name: str, known: Print, *, extended: bool) -> Row:
    at = milliseconds(known.at)
    return (
        name, 0, 0, index_of(at), at, 0, known.tick, "Q", known.price, known.size, known.bid, known.ask,
        "0", known.aggressor, False, extended, True, "NEW", None, None, "",
    )  # fmt: skip
