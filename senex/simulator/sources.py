"""Where quotes come from: the simulated market, a recorded day or a live stream, all behind one seam."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from decimal import Decimal

    from senex.simulator.columns import Row, Subscription
    from senex.simulator.market.market import Market
    from senex.simulator.market.quotes import Quote, Theory

Made = tuple[int, "Row", bytes]
"""A row's sequence, the row, and its values as JSON without the brackets."""


class QuoteSource(Protocol):
    """Quotes by symbol and tick. Only the newest tick is ever asked for again.

    A source that ``mirrors`` another market has rows of every event type as
    they came; they are passed on and nothing is made in their place.
    """

    @property
    def mirrors(self) -> bool:
        """Whether this is another market's data."""
        ...

    def reach(self, tick: int) -> None:
        """The market comes to a tick."""
        ...

    def wish(self, kind: str, name: str, symbol: str, since: int | None) -> None:
        """Somebody wants an event type of a streamer symbol; candles since an instant (ms)."""
        ...

    def made(self, kind: str, name: str) -> Made | None:
        """The newest row of a type and streamer symbol, with a number that grows and its JSON."""
        ...

    def series(self, wanted: Subscription) -> list[Row]:
        """The rows owed of a type that is a series."""
        ...

    def previous_close(self, symbol: str) -> Decimal | None:
        """The close before today as the other market tells it."""
        ...

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
    """The quotes of the simulated market: always fresh, always two-sided; everything is made when asked for."""

    mirrors = False

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

    def reach(self, tick: int) -> None:
        """Any tick can be asked for."""

    def wish(self, kind: str, name: str, symbol: str, since: int | None) -> None:
        """Everything is there."""

    def made(self, kind: str, name: str) -> Made | None:
        """No row is kept."""
        del kind, name
        return None

    def series(self, wanted: Subscription) -> list[Row]:
        """No row is kept."""
        del wanted
        return []

    def previous_close(self, symbol: str) -> Decimal | None:
        """The market itself knows."""
        del symbol
        return None

    def beats(self, symbol: str) -> bool:
        """An underlying's sequence is the tick."""
        return symbol in self._market.underlyings
