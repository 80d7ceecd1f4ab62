"""The newest rows of another market, as a source of quotes."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from typing import TYPE_CHECKING

import orjson

from senex.domain.pricing import Greeks
from senex.simulator.candles import BEGIN, END
from senex.simulator.columns import COLUMNS
from senex.simulator.market.listing import contract, contract_of_streamer
from senex.simulator.market.profiles import PROFILES
from senex.simulator.market.quotes import Quote, Theory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from senex.simulator.columns import Row, Subscription
    from senex.simulator.sources import Made

_AT = {kind: {name: place for place, name in enumerate(names)} for kind, names in COLUMNS.items()}


class MirrorQuotes:
    """Rows are passed on as they came; quotes are made from the newest of them.

    A quote that lacks a side, or came before the connection that is there now,
    stays what it was and is not firm: nothing fills at it.
    """

    mirrors = True

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], Made] = {}
        self._series: dict[str, dict[int, Row]] = {}
        self._newest: dict[str, int] = {}
        self._quotes: dict[str, Quote] = {}
        self._firm: set[str] = set()
        self._count = 0
        self.on_wish: Callable[[str, str, int | None], None] = lambda *_: None
        self.on_reach: Callable[[int], None] = lambda _: None
        self.live: Callable[[], bool] = lambda: True

    # -- the source of quotes -----------------------------------------------------------------------

    def quote(self, symbol: str, tick: int) -> Quote | None:
        """The newest two-sided quote."""
        del tick
        return self._quotes.get(symbol)

    def theory(self, symbol: str, tick: int) -> Theory | None:
        """Value and Greeks as the other market last told them."""
        del tick
        known = contract(symbol)
        made = None if known is None else self._made.get(("Greeks", known.streamer))
        if known is None or made is None:
            return None
        at, row = _AT["Greeks"], made[1]
        names = ("price", "delta", "gamma", "theta", "vega", "rho", "volatility")
        numbers = [_number(row[at[name]]) for name in names]
        if any(number is None for number in numbers):
            return None
        price, delta, gamma, theta, vega, rho, volatility = (float(number or 0) for number in numbers)
        under = self._quotes.get(known.underlying)
        spot = 0.0 if under is None else float(under.mid)
        return Theory(Greeks(price, delta, gamma, theta, vega, rho), volatility, spot)

    def firm(self, symbol: str, tick: int) -> bool:
        """Whether the quote is two-sided, of this connection, and the connection lives."""
        del tick
        return symbol in self._firm and self.live()

    def beats(self, symbol: str) -> bool:
        """A row that came is a change."""
        del symbol
        return True

    def wish(self, kind: str, name: str, symbol: str, since: int | None) -> None:
        """Somebody wants these rows."""
        del symbol
        self.on_wish(kind, name, since)

    def previous_close(self, symbol: str) -> Decimal | None:
        """The close before today; where it is not told, the mark."""
        quote = self._quotes.get(symbol)
        made = self._made.get(("Summary", streamer_of(symbol) or ""))
        told = None if made is None else _number(made[1][_AT["Summary"]["prevDayClosePrice"]])
        return (None if quote is None else quote.mid) if told is None else told

    def reach(self, tick: int) -> None:
        """The market has come to a tick."""
        self.on_reach(tick)

    def made(self, kind: str, name: str) -> Made | None:
        """The newest row of a type and streamer symbol, with a number that grows and its JSON."""
        return self._made.get((kind, name))

    def figure(self, kind: str, name: str, column: str) -> float | None:
        """One number of the newest row; None where it is not told."""
        made = self._made.get((kind, name))
        number = None if made is None else _number(made[1][_AT[kind][column]])
        return None if number is None else float(number)

    def series(self, wanted: Subscription) -> list[Row]:
        """The candles of a candle symbol, newest first: all since an instant, later the one that grows."""
        known = self._series.get(wanted.name, {})
        rows = [known[at] for at in sorted(known, reverse=True)]
        at, flags = _AT["Candle"]["time"], _AT["Candle"]["eventFlags"]
        newest = self._newest.get(wanted.name, 0)
        if wanted.fresh:
            due = [row for row in rows if int(str(row[at])) >= (wanted.since or 0)]
        else:
            due = rows[:1] if newest > wanted.sequence else []
        wanted.sequence, last = newest, len(due) - 1
        return [
            (
                *row[:flags],
                wanted.fresh * (BEGIN * (place == 0) + END * (place == last)),
                *row[flags + 1 :],
            )
            for place, row in enumerate(due)
        ]

    # -- what comes ---------------------------------------------------------------------------------

    def begin(self) -> None:
        """A new connection: what came before is not firm."""
        self._firm.clear()

    def lost(self) -> None:
        """The connection is gone: nothing is firm."""
        self._firm.clear()

    def take(self, kind: str, rows: Iterable[Row], instant: datetime, tick: int) -> None:
        """Rows came at an instant."""
        for row in rows:
            name = str(row[0])
            self._count += 1
            if kind == "Candle":
                self._candle(name, row)
                continue
            self._made[kind, name] = (self._count, tuple(row), orjson.dumps(row)[1:-1])
            if kind == "Quote":
                self._quote(name, row, instant, tick)

    def _candle(self, name: str, row: Row) -> None:
        """Keep the newest row of each of a symbol's candles."""
        self._newest[name] = self._count
        self._series.setdefault(name, {})[int(str(row[_AT["Candle"]["time"]]))] = tuple(row)

    def _quote(self, name: str, row: Row, instant: datetime, tick: int) -> None:
        symbol = symbol_of(name)
        if symbol is None:
            return
        at = _AT["Quote"]
        bid, ask = _number(row[at["bidPrice"]]), _number(row[at["askPrice"]])
        if bid is None or ask is None or ask <= 0:
            self._firm.discard(symbol)
            return
        self._firm.add(symbol)
        self._quotes[symbol] = Quote(
            symbol=symbol,
            bid=int((bid * 100).to_integral_value(ROUND_FLOOR)),
            ask=int((ask * 100).to_integral_value(ROUND_CEILING)),
            bid_size=int(_number(row[at["bidSize"]]) or 0),
            ask_size=int(_number(row[at["askSize"]]) or 0),
            sequence=tick,
            changed=instant,
        )


def symbol_of(name: str) -> str | None:
    """The symbol behind a streamer symbol; None for one the simulator has no place for."""
    if name in PROFILES:
        return name
    known = contract_of_streamer(name)
    return None if known is None else known.occ


def streamer_of(symbol: str) -> str | None:
    """The streamer symbol of an underlying or option."""
    if symbol in PROFILES:
        return symbol
    known = contract(symbol)
    return None if known is None else known.streamer


def _number(told: object) -> Decimal | None:
    """A finite number; None for NaN, infinities and what is no number."""
    try:
        number = Decimal(str(told))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
