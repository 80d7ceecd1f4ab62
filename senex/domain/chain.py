"""Option chains, candles and market metrics as the rules see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, datetime
    from decimal import Decimal

    from senex.domain.unknown import Unknown


@dataclass(frozen=True, slots=True)
class Contract:
    """One listed option: its OCC symbol, streamer symbol and when it stops trading."""

    occ: str
    streamer: str


@dataclass(frozen=True, slots=True)
class Strike:
    """A strike and its two contracts."""

    price: Decimal
    call: Contract
    put: Contract


@dataclass(frozen=True, slots=True)
class Expiration:
    """An expiration with its strikes, ascending. ``monthly`` is the standard third-Friday cycle."""

    day: date
    monthly: bool
    settlement: str
    strikes: tuple[Strike, ...]

    def dte(self, today: date) -> int:
        """Calendar days from ``today`` (New York) to expiration."""
        return (self.day - today).days

    def strike(self, price: Decimal) -> Strike | None:
        """The strike listed at exactly ``price``."""
        return next((strike for strike in self.strikes if strike.price == price), None)


@dataclass(frozen=True, slots=True)
class OptionChain:
    """All expirations of an underlying. ``spread_tick`` is the step of a net multi-leg price."""

    underlying: str
    expirations: tuple[Expiration, ...]
    spread_tick: Decimal


@dataclass(frozen=True, slots=True)
class Candle:
    """One daily bar of the regular session."""

    day: date
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


@dataclass(frozen=True, slots=True)
class Metrics:
    """The broker's metrics of an underlying. Ranks and volatilities are percent (0 to 100)."""

    symbol: str
    iv_rank: Decimal | Unknown
    iv_percentile: Decimal | Unknown
    iv30: Decimal | Unknown
    hv30: Decimal | Unknown
    beta: Decimal | Unknown
    earnings: date | None
    ex_dividend: date | None
    updated_at: datetime
