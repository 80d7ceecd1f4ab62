"""The market report: what analysis says of one underlying at one moment.

Percent values are 0 to 100, prices dollars. What could not be known is
``Unknown`` and counts for nothing anywhere (DOMAIN D.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from senex.domain.unknown import Unknown

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from senex.domain.indicators import Bands, Macd


class Direction(StrEnum):
    """Composite direction, from strongest up to strongest down."""

    STRONG_BULLISH = "strong_bullish"
    BULLISH = "bullish"
    BULLISH_EXHAUSTED = "bullish_exhausted"
    NEUTRAL = "neutral"
    BEARISH_EXHAUSTED = "bearish_exhausted"
    BEARISH = "bearish"
    STRONG_BEARISH = "strong_bearish"


class BandPosition(StrEnum):
    """Where the price stands to its Bollinger bands."""

    ABOVE = "above"
    INSIDE = "in"
    BELOW = "below"


class Regime(StrEnum):
    """What kind of market it is."""

    CRISIS = "crisis"
    HIGH_VOL = "high_vol"
    RANGE = "range"
    BULL = "bull"
    BEAR = "bear"
    NONE = "none"


class Extreme(StrEnum):
    """Whether price has run too far."""

    OVERBOUGHT = "overbought"
    OVERSOLD = "oversold"
    NONE = "none"


class Momentum(StrEnum):
    """What a run is likely to do next."""

    EXHAUSTION = "exhaustion"
    CONTINUATION = "continuation"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Stress:
    """0 calm to 100. ``missing`` names inputs that counted for 0, so ``points`` is then a lower bound."""

    points: Decimal
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """Regime, extreme and momentum, each with what supports it (confidence 0 to 100, warnings counted)."""

    regime: Regime
    regime_confidence: Decimal
    extreme: Extreme
    warnings: int
    momentum: Momentum
    momentum_confidence: Decimal


@dataclass(frozen=True, slots=True)
class MarketReport:
    """Everything a strategy may know of an underlying, computed once.

    ``stops`` are the universal hard stops that apply (stale quote, too few or
    old bars), each a sentence; earnings and dividends are left to strategies,
    as days from today (New York), None where none lies ahead.
    """

    underlying: str
    at: datetime
    spot: Decimal | Unknown
    bars: int
    sma20: Decimal | Unknown
    macd: Macd | Unknown
    rsi: Decimal | Unknown
    adx: Decimal | Unknown
    bands: Bands | Unknown
    band_position: BandPosition | Unknown
    support: Decimal | Unknown
    resistance: Decimal | Unknown
    recent_move: Decimal | Unknown
    close_range: Decimal | Unknown
    hv30: Decimal | Unknown
    iv30: Decimal | Unknown
    iv_rank: Decimal | Unknown
    hv_iv: Decimal | Unknown
    direction: Direction | Unknown
    stress: Stress
    judgement: Judgement
    days_to_earnings: int | None
    days_to_dividend: int | None
    stops: tuple[str, ...]

    def range_bound(self, limit: Decimal) -> bool | Unknown:
        """Whether the last 3 closes lie within ``limit`` percent (DOMAIN 0.11)."""
        return self.close_range if isinstance(self.close_range, Unknown) else self.close_range <= limit

    @property
    def unknowns(self) -> tuple[str, ...]:
        """Why each missing input is missing, once each."""
        values = (
            self.spot,
            self.sma20,
            self.macd,
            self.rsi,
            self.adx,
            self.bands,
            self.support,
            self.resistance,
            self.recent_move,
            self.close_range,
            self.hv30,
            self.iv30,
            self.iv_rank,
        )
        return tuple(dict.fromkeys(value.why for value in values if isinstance(value, Unknown)))
