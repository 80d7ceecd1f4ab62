"""Option chains, candles and market metrics as the rules see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from senex.domain.unknown import Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime
    from decimal import Decimal


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
class Activity:
    """What is open of an option, as of this morning, and what has traded of it today; contracts."""

    open_interest: int | Unknown
    volume: int | Unknown


def told_of(activities: Iterable[Activity]) -> str:
    """In one line what is open and has traded of the options: the least and the most of them, or why not known."""
    every = list(activities)
    return ", ".join(
        (
            _range("open interest", [one.open_interest for one in every]),
            _range("traded today", [one.volume for one in every]),
        )
    )


def _range(what: str, counts: Sequence[int | Unknown]) -> str:
    unknown = next((count for count in counts if isinstance(count, Unknown)), None)
    known = [count for count in counts if not isinstance(count, Unknown)]
    if unknown is not None or not known:
        return f"{what} unknown" + (f": {unknown.why}" if unknown is not None else "")
    return f"{what} {min(known)} to {max(known)} a leg"


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
