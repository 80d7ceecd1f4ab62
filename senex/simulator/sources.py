"""Where quotes come from: the simulated market, a recorded day or a live stream, all behind one seam."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from senex.simulator.market.market import Market
    from senex.simulator.market.quotes import Quote, Theory


class QuoteSource(Protocol):
    """Quotes by symbol and tick. Only the newest tick is ever asked for again."""

    def quote(self, symbol: str, tick: int) -> Quote | None:
        """The quote of a symbol; None where there is none, or never was a two-sided one."""
        ...

    def theory(self, symbol: str, tick: int) -> Theory | None:
        """An option's theoretical value; None for anything else and where the source has none."""
        ...

    def firm(self, symbol: str, tick: int) -> bool:
        """Whether the symbol's quote is one that somebody would trade at: fresh and two-sided."""
        ...

    def beats(self, symbol: str) -> bool:
        """Whether the symbol's quote counts as changed on every tick."""
        ...


class MarketQuotes:
    """The quotes of the simulated market: always fresh, always two-sided."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def quote(self, symbol: str, tick: int) -> Quote | None:
        """The market's own quote."""
        return self._market.quote(symbol, tick)

    def theory(self, symbol: str, tick: int) -> Theory | None:
        """The market's own model."""
        return self._market.option_theory(symbol, tick)

    def firm(self, symbol: str, tick: int) -> bool:
        """Any quote of this market can be traded at."""
        del symbol, tick
        return True

    def beats(self, symbol: str) -> bool:
        """An underlying's sequence is the tick."""
        return symbol in self._market.underlyings
