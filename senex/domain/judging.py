"""What the indicators add up to: direction, stress, regime, extremes (DOMAIN D.2).

An input that is unknown adds nothing, in either direction, and is named.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from senex.domain.money import ZERO
from senex.domain.report import BandPosition, Direction, Extreme, Judgement, Momentum, Regime, Stress
from senex.domain.unknown import Unknown

if TYPE_CHECKING:
    from senex.domain.indicators import Macd

Value = Decimal | Unknown

RANGE_LIMIT = Decimal("0.5")
RANGE_DAYS = 3
CRISIS_STRESS = Decimal(70)
HIGH_VOL_RANK = Decimal(75)
STRONG_TREND = Decimal(30)
_PLAIN = Decimal("0.3")
_STRONG = Decimal("0.6")
_BULLISH = frozenset({Direction.BULLISH, Direction.STRONG_BULLISH})
_BEARISH = frozenset({Direction.BEARISH, Direction.STRONG_BEARISH})


def composite_direction(
    *,
    spot: Value,
    sma20: Value,
    macd: Macd | Unknown,
    adx: Value,
    move: Value,
    rsi: Value,
    position: BandPosition | Unknown,
) -> Direction | Unknown:
    """Side of SMA20, sign of the MACD histogram and momentum, weighed by the strength of the trend.

    Momentum counts only after a recent move above 3 %. Exhaustion is told only
    without a trend (ADX under 25), where RSI and bands agree.
    """
    if (
        isinstance(spot, Unknown)
        or isinstance(sma20, Unknown)
        or isinstance(macd, Unknown)
        or isinstance(adx, Unknown)
        or isinstance(move, Unknown)
    ):
        missing = [value.why for value in (spot, sma20, macd, adx, move) if isinstance(value, Unknown)]
        return Unknown(f"no direction without its inputs: {missing[0]}")
    side = _sign(spot - sma20)
    parts = (side, _sign(macd.histogram), side if move > 3 else 0)
    total = sum((weight * part for weight, part in zip(_weights(adx), parts, strict=True)), ZERO)
    if abs(total) > _STRONG and adx > 25:
        return Direction.STRONG_BULLISH if total > 0 else Direction.STRONG_BEARISH
    if abs(total) <= _PLAIN:
        return Direction.NEUTRAL
    trending = adx >= 25
    if total > 0:
        spent = not trending and _above(rsi, 70) and position is BandPosition.ABOVE
        return Direction.BULLISH_EXHAUSTED if spent else Direction.BULLISH
    spent = not trending and _below(rsi, 30) and position is BandPosition.BELOW
    return Direction.BEARISH_EXHAUSTED if spent else Direction.BEARISH


def stress_of(*, iv_rank: Value, move: Value, spot: Value, support: Value, resistance: Value) -> Stress:
    """How upset the market is, 0 to 100 (85 can be reached)."""
    points = ZERO
    missing: list[str] = []
    if isinstance(iv_rank, Unknown):
        missing.append("IV rank")
    else:
        points += _tier(iv_rank, (70, 40 * iv_rank / 100), (50, 20 * iv_rank / 100))
    if isinstance(move, Unknown):
        missing.append("recent move")
    else:
        points += _tier(move, (5, 30 * min(move / 10, Decimal(1))), (3, Decimal(15)))
    if isinstance(spot, Unknown) or isinstance(support, Unknown) or isinstance(resistance, Unknown):
        missing.append("support and resistance")
    elif spot < Decimal("0.98") * support or spot > Decimal("1.02") * resistance:
        points += 15
    return Stress(min(points, Decimal(100)), tuple(missing))


def judge(
    *,
    stress: Stress,
    iv_rank: Value,
    close_range: Value,
    adx: Value,
    direction: Direction | Unknown,
    rsi: Value,
    position: BandPosition | Unknown,
    spot: Value,
    sma20: Value,
) -> Judgement:
    """Regime (the first that matches), extreme and momentum."""
    regime, confidence = _regime(stress, iv_rank, close_range, adx, direction)
    extreme, warnings = _extreme(rsi, position, _distance(spot, sma20))
    momentum, momentum_confidence = _momentum(extreme, warnings, adx)
    return Judgement(regime, confidence, extreme, warnings, momentum, momentum_confidence)


def _regime(
    stress: Stress, iv_rank: Value, close_range: Value, adx: Value, direction: Direction | Unknown
) -> tuple[Regime, Decimal]:
    if stress.points >= CRISIS_STRESS:
        return Regime.CRISIS, stress.points
    if not isinstance(iv_rank, Unknown) and iv_rank >= HIGH_VOL_RANK:
        return Regime.HIGH_VOL, iv_rank
    if not isinstance(close_range, Unknown) and close_range <= RANGE_LIMIT:
        return Regime.RANGE, Decimal(50 + 10 * RANGE_DAYS)
    if _above(adx, 30) and direction in _BULLISH:
        return Regime.BULL, Decimal(80)
    if _above(adx, 30) and direction in _BEARISH:
        return Regime.BEAR, Decimal(80)
    return Regime.NONE, ZERO


def _extreme(rsi: Value, position: BandPosition | Unknown, distance: Value) -> tuple[Extreme, int]:
    """Three of four warnings make an extreme: RSI beyond 70, beyond 80, outside the band, 5 % from SMA20."""
    high = _above(rsi, 70) + _above(rsi, 80) + (position is BandPosition.ABOVE) + _above(distance, 5)
    low = _below(rsi, 30) + _below(rsi, 20) + (position is BandPosition.BELOW) + _below(distance, -5)
    if max(high, low) < 3:
        return Extreme.NONE, max(high, low)
    return (Extreme.OVERBOUGHT, high) if high > low else (Extreme.OVERSOLD, low)


def _momentum(extreme: Extreme, warnings: int, adx: Value) -> tuple[Momentum, Decimal]:
    if not _above(adx, int(STRONG_TREND)):
        return Momentum.UNCLEAR, ZERO
    if extreme is not Extreme.NONE:
        return Momentum.EXHAUSTION, Decimal(50 + 10 * warnings)
    return Momentum.CONTINUATION, Decimal(80 if _above(adx, 40) else 60)


def _distance(spot: Value, sma20: Value) -> Value:
    """Percent of the price above (+) or below SMA20."""
    if isinstance(spot, Unknown):
        return spot
    return sma20 if isinstance(sma20, Unknown) else (spot / sma20 - 1) * 100


def _weights(adx: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    """Weights of price, MACD and momentum."""
    if adx > 25:
        return Decimal("0.6"), Decimal("0.2"), Decimal("0.2")
    if adx > 15:
        return Decimal("0.4"), Decimal("0.4"), Decimal("0.2")
    return Decimal("0.3"), Decimal("0.5"), Decimal("0.2")


def _tier(value: Decimal, *tiers: tuple[int, Decimal]) -> Decimal:
    """The points of the first tier whose threshold ``value`` exceeds."""
    return next((points for above, points in tiers if value > above), ZERO)


def _sign(value: Decimal) -> int:
    return (value > 0) - (value < 0)


def _above(value: Value, limit: int) -> bool:
    return not isinstance(value, Unknown) and value > limit


def _below(value: Value, limit: int) -> bool:
    return not isinstance(value, Unknown) and value < limit
