"""The quote board: one current quote per symbol, shared by every endpoint, the streams and matching."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from senex.simulator.market.listing import contract

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from senex.simulator.market.market import Market
    from senex.simulator.market.quotes import Quote, Theory


class Board:
    """Quotes at the current tick. A quote keeps its sequence until its prices or sizes change."""

    def __init__(self, market: Market, tick: int) -> None:
        self._market = market
        self.tick = tick
        self._known: dict[str, tuple[int, Quote]] = {}
        self._watched: Counter[str] = Counter()

    def watch(self, symbols: Iterable[str]) -> None:
        """Count a reader of each symbol."""
        self._watched.update(symbols)

    def unwatch(self, symbols: Iterable[str]) -> None:
        """Forget a reader of each symbol."""
        self._watched.subtract(symbols)
        self._watched += Counter()

    def advance(self, tick: int) -> None:
        """Move to a tick and quote every watched symbol there."""
        self.tick = tick
        for symbol in self._watched:
            self.quote(symbol)

    def quote(self, symbol: str) -> Quote | None:
        """The quote of a symbol at the current tick; None when there is no such symbol."""
        known = self._known.get(symbol)
        if known is not None and known[0] == self.tick:
            return known[1]
        fresh = self._market.quote(symbol, self.tick)
        if fresh is None:
            return None
        if known is not None and known[1].same_market(fresh) and symbol not in self._market.underlyings:
            fresh = known[1]
        self._known[symbol] = (self.tick, fresh)
        return fresh

    def mark(self, symbol: str) -> Decimal | None:
        """The mid of a symbol's quote."""
        quote = self.quote(symbol)
        return None if quote is None else quote.mid

    def theory(self, symbol: str) -> Theory | None:
        """An option's theoretical value at the current tick."""
        known = contract(symbol)
        return None if known is None else self._market.theory(known, self._market.trading_tick(self.tick))
