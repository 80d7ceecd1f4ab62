"""Quotes: what a tick of market time looks like to a trader, in whole cents."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from senex.domain.pricing import Greeks
    from senex.simulator.market.contracts import Contract
    from senex.simulator.market.draws import Draws
    from senex.simulator.market.kinds import Ticks

CENT = Decimal("0.01")


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
    """An option's theoretical value, volatility and Greeks at a tick.

    They are Black-Scholes-Merton's at ``spot`` (the underlying's price without
    the dividends that an owner does not get), ``carry`` and ``years``; with no
    ``years`` the value is intrinsic.
    """

    greeks: Greeks
    volatility: float
    underlying: float
    spot: float = 0.0
    carry: float = 0.0
    years: float = 0.0


def equity_quote(
    draws: Draws, symbol: str, price: float, tick: int, instant: datetime, *, wide: float = 1.0
) -> Quote:
    """An underlying's quote; sizes alternate in parity, so every tick differs from the one before.

    ``wide`` multiplies the usual cent or two.
    """
    cents = round(price * 100)
    chance, lean, bids, asks = draws.uniforms(4, symbol, "quote", tick)
    spread = max(1, round(wide * (1 + (chance < 0.25))))
    bid = max(0, cents - int((spread - 1) * 0.5 + lean))
    return Quote(
        symbol=symbol,
        bid=bid,
        ask=bid + spread,
        bid_size=2 * int(1 + 9 * bids) + tick % 2,
        ask_size=2 * int(1 + 9 * asks) + tick % 2,
        sequence=tick,
        changed=instant,
    )


def option_quote(
    known: Contract,
    value: float,
    delta: float,
    *,
    ticks: Ticks,
    wide: float,
    sizes: tuple[int, int],
    tick: int,
    instant: datetime,
) -> Quote:
    """An option's quote around its theoretical value, which always lies between bid and ask.

    So nothing that can be traded at these prices is an arbitrage. Spreads
    widen with price and distance; ``wide`` multiplies them.
    """
    cents = value * 100.0
    step = ticks.at(cents)
    spread = step * max(1, round(wide * _spread(cents, delta)))
    bid = max(0, step * round((cents - 0.5 * spread) / step))
    ask = bid + spread
    over = ask % ticks.at(ask)
    if over:
        ask += ticks.at(ask) - over
    return Quote(
        symbol=known.occ,
        bid=bid,
        ask=ask,
        bid_size=sizes[0] if bid else 0,
        ask_size=sizes[1],
        sequence=tick,
        changed=instant,
    )


def _spread(cents: float, delta: float) -> int:
    wide = 2 + (cents > 400) + (cents > 1200) + (cents > 2500)
    return wide + 2 * (delta > 0.7) + 4 * (delta > 0.9)
