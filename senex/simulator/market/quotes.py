"""Quotes: what a tick of market time looks like to a trader, in whole cents."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from senex.domain.pricing import Greeks
    from senex.simulator.market.draws import Draws

CENT = Decimal("0.01")
_SIZE_TICKS = 8


@dataclass(frozen=True, slots=True)
class Quote:
    """Best bid and ask of one symbol.

    ``bid`` and ``ask`` count ``unit`` (cents per share); ``sequence`` is the
    tick of the last change, ``changed`` its instant.
    """

    symbol: str
    bid: int
    ask: int
    bid_size: int
    ask_size: int
    sequence: int
    changed: datetime
    unit: Decimal = CENT

    @property
    def bid_price(self) -> Decimal:
        """The bid in dollars or points."""
        return self.bid * self.unit

    @property
    def ask_price(self) -> Decimal:
        """The ask in dollars or points."""
        return self.ask * self.unit

    @property
    def mid(self) -> Decimal:
        """The mark: halfway between bid and ask, exact."""
        return (self.bid + self.ask) * self.unit / 2

    def same_market(self, other: Quote) -> bool:
        """Whether prices and sizes are equal."""
        return (self.bid, self.ask, self.bid_size, self.ask_size) == (
            other.bid,
            other.ask,
            other.bid_size,
            other.ask_size,
        )


@dataclass(frozen=True, slots=True)
class Theory:
    """An option's theoretical value, volatility and Greeks at a tick."""

    greeks: Greeks
    volatility: float
    underlying: float


def equity_quote(draws: Draws, symbol: str, price: float, tick: int, instant: datetime) -> Quote:
    """An underlying's quote; sizes alternate in parity, so every tick differs from the one before."""
    cents = round(price * 100)
    spread = 1 + (draws.uniform(symbol, "spread", tick) < 0.25)
    bid = cents - (spread > 1 and draws.uniform(symbol, "lean", tick) < 0.5)
    return Quote(
        symbol=symbol,
        bid=bid,
        ask=bid + spread,
        bid_size=2 * draws.whole(1, 9, symbol, "bid size", tick) + tick % 2,
        ask_size=2 * draws.whole(1, 9, symbol, "ask size", tick) + tick % 2,
        sequence=tick,
        changed=instant,
    )


def option_quote(
    draws: Draws, occ: str, theory: Theory, tick: int, instant: datetime, *, penny: bool = True
) -> Quote:
    """An option's quote around its theoretical value; spreads widen with price and distance."""
    value = theory.greeks.price * 100.0
    step = 1 if penny or value < 300 else 5
    spread = step * _spread(value, abs(theory.greeks.delta))
    bid = max(0, round((value - spread / 2) / step) * step)
    phase = sum(occ.encode())
    moment = (tick + phase) // _SIZE_TICKS
    return Quote(
        symbol=occ,
        bid=bid,
        ask=bid + spread,
        bid_size=draws.whole(5, 120, occ, "bid size", moment) if bid else 0,
        ask_size=draws.whole(5, 120, occ, "ask size", moment),
        sequence=tick,
        changed=instant,
    )


def _spread(value: float, delta: float) -> int:
    wide = 2 + (value > 400) + (value > 1200) + (value > 2500)
    return wide + 2 * (delta > 0.7) + 4 * (delta > 0.9)
