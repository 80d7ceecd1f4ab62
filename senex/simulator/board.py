"""The quote board: one current quote per symbol, shared by every endpoint, the streams and matching."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from decimal import Decimal

    from senex.simulator.market.quotes import Quote, Theory
    from senex.simulator.sources import QuoteSource


_KEPT = 20_000
"""So many quotes are remembered before those nobody watches are forgotten: chains are scanned, and expire."""


class Board:
    """Quotes at the current tick. A quote keeps its sequence until its prices or sizes change."""

    def __init__(self, source: QuoteSource, tick: int) -> None:
        self.source = source
        self._tick = tick
        source.reach(tick)
        self._known: dict[str, tuple[int, Quote]] = {}
        self._shown: dict[str, Quote | None] = {}
        self._watched: Counter[str] = Counter()
        self.on_moved: Callable[[list[str]], None] = lambda _: None
        """Told by :meth:`show` which watched symbols have a new quote."""

    @property
    def tick(self) -> int:
        """The tick the market is at."""
        return self._tick

    @tick.setter
    def tick(self, tick: int) -> None:
        self._tick = tick
        self.source.reach(tick)

    def watch(self, symbols: Iterable[str]) -> None:
        """Count a reader of each symbol."""
        self._watched.update(symbols)

    def unwatch(self, symbols: Iterable[str]) -> None:
        """Forget a reader of each symbol."""
        for symbol in symbols:
            if self._watched[symbol] > 1:
                self._watched[symbol] -= 1
            else:
                del self._watched[symbol]

    def quote(self, symbol: str) -> Quote | None:
        """The quote of a symbol at the current tick; None when there is no such symbol."""
        if self.source.mirrors:
            return self.source.quote(symbol, self.tick)
        known = self._known.get(symbol)
        if known is not None and known[0] == self.tick:
            return known[1]
        fresh = self.source.quote(symbol, self.tick)
        if fresh is None:
            return None
        if known is not None and known[1].same_market(fresh) and not self.source.beats(symbol):
            fresh = known[1]
        self._known[symbol] = (self.tick, fresh)
        return fresh

    def firm(self, symbol: str) -> Quote | None:
        """The quote orders trade at; None while it is one-sided, crossed or stale at its source."""
        quote = self.quote(symbol)
        if quote is None or not 0 < quote.ask >= quote.bid:
            return None
        return quote if self.source.firm(symbol, self.tick) else None

    def mark(self, symbol: str) -> Decimal | None:
        """The mid of a symbol's quote."""
        quote = self.quote(symbol)
        return None if quote is None else quote.mid

    def theory(self, symbol: str) -> Theory | None:
        """An option's theoretical value at the current tick."""
        return self.source.theory(symbol, self.tick)

    def show(self) -> None:
        """Quote every watched symbol here: a change is dated by the first tick that shows it."""
        if len(self._known) > _KEPT:
            self._known = {name: one for name, one in self._known.items() if name in self._watched}
        shown, moved = {}, []
        for symbol in self._watched:
            shown[symbol] = self.quote(symbol)
            if shown[symbol] is not self._shown.get(symbol):
                moved.append(symbol)
        self._shown = shown
        self.on_moved(moved)
