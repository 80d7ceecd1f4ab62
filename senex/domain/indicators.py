"""Technical indicators of daily bars (DOMAIN D.2). Arrays of floats live inside; decimals go in and out.

Every function takes bars or closes in ascending order and answers the newest
value, or Unknown with why when there are too few. Values are dollars unless
the name says percent; oscillators are 0 to 100.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import isfinite, sqrt
from typing import TYPE_CHECKING

import numpy as np
import talib

from senex.domain.unknown import Unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from senex.domain.chain import Candle

SMA_PERIOD = 20
RSI_PERIOD = 14
ADX_PERIOD = 14
ADX_WARM_UP = 100
MACD_FAST, MACD_SLOW, MACD_SIGNAL = 12, 26, 9
BOLLINGER_WIDTH = 2
MOVE_DAYS = 5
HV_DAYS = 30
TRADING_DAYS = 252
RANGE_DAYS = 3
_PLACES = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Macd:
    """EMA12 − EMA26, its EMA9 and their difference."""

    line: Decimal
    signal: Decimal
    histogram: Decimal


@dataclass(frozen=True, slots=True)
class Bands:
    """Bollinger bands: mean of 20 closes, two sample standard deviations either side."""

    lower: Decimal
    middle: Decimal
    upper: Decimal


def sma(closes: Sequence[Decimal], period: int = SMA_PERIOD) -> Decimal | Unknown:
    """Simple mean of the last ``period`` closes."""
    if len(closes) < period:
        return _few(f"SMA{period}", period, len(closes))
    return _decimal(float(np.mean(_array(closes[-period:]))), f"SMA{period}")


def macd(closes: Sequence[Decimal]) -> Macd | Unknown:
    """MACD 12/26/9; needs 34 closes."""
    needed = MACD_SLOW + MACD_SIGNAL - 1
    if len(closes) < needed:
        return _few("MACD", needed, len(closes))
    line, signal, histogram = talib.MACD(_array(closes), MACD_FAST, MACD_SLOW, MACD_SIGNAL)
    values = [_decimal(float(series[-1]), "MACD") for series in (line, signal, histogram)]
    known = [value for value in values if not isinstance(value, Unknown)]
    return Macd(*known) if len(known) == len(values) else Unknown("MACD could not be computed")


def rsi(closes: Sequence[Decimal]) -> Decimal | Unknown:
    """Wilder's relative strength index over 14 changes; flat prices have none."""
    if len(closes) <= RSI_PERIOD:
        return _few("RSI", RSI_PERIOD + 1, len(closes))
    if len(set(closes)) == 1:
        return Unknown("RSI is undefined: the price has not moved")
    return _decimal(float(talib.RSI(_array(closes), RSI_PERIOD)[-1]), "RSI")


def adx(bars: Sequence[Candle]) -> Decimal | Unknown:
    """Wilder's average directional index over 14 bars, after at least 100 bars of warm-up.

    Wilder's smoothing remembers for long: with fewer bars the value depends on
    where the history happens to begin, so there is none.
    """
    if len(bars) < ADX_WARM_UP:
        return _few("ADX", ADX_WARM_UP, len(bars))
    high = _array([bar.high for bar in bars])
    low = _array([bar.low for bar in bars])
    close = _array([bar.close for bar in bars])
    return _decimal(float(talib.ADX(high, low, close, ADX_PERIOD)[-1]), "ADX")


def bollinger(closes: Sequence[Decimal]) -> Bands | Unknown:
    """Bollinger bands 20/2 with the sample standard deviation."""
    if len(closes) < SMA_PERIOD:
        return _few("Bollinger bands", SMA_PERIOD, len(closes))
    window = _array(closes[-SMA_PERIOD:])
    middle, spread = float(np.mean(window)), BOLLINGER_WIDTH * float(np.std(window, ddof=1))
    values = [_decimal(value, "Bollinger bands") for value in (middle - spread, middle, middle + spread)]
    known = [value for value in values if not isinstance(value, Unknown)]
    return Bands(*known) if len(known) == len(values) else Unknown("Bollinger bands could not be computed")


def support(bars: Sequence[Candle]) -> Decimal | Unknown:
    """Lowest low of 20 bars."""
    if len(bars) < SMA_PERIOD:
        return _few("support", SMA_PERIOD, len(bars))
    return min(bar.low for bar in bars[-SMA_PERIOD:])


def resistance(bars: Sequence[Candle]) -> Decimal | Unknown:
    """Highest high of 20 bars."""
    if len(bars) < SMA_PERIOD:
        return _few("resistance", SMA_PERIOD, len(bars))
    return max(bar.high for bar in bars[-SMA_PERIOD:])


def recent_move(bars: Sequence[Candle], price: Decimal) -> Decimal | Unknown:
    """Percent of ``price`` between the highest high and lowest low of 5 bars; never negative."""
    if len(bars) < MOVE_DAYS:
        return _few("the recent move", MOVE_DAYS, len(bars))
    if price <= 0:
        return Unknown("the recent move needs a positive price")
    window = bars[-MOVE_DAYS:]
    span = max(bar.high for bar in window) - min(bar.low for bar in window)
    return (span / price * 100).quantize(_PLACES)


def historical_volatility(closes: Sequence[Decimal]) -> Decimal | Unknown:
    """HV30: sample standard deviation of 30 daily simple returns, annualised over 252 days, percent."""
    if len(closes) <= HV_DAYS:
        return _few("HV30", HV_DAYS + 1, len(closes))
    window = _array(closes[-HV_DAYS - 1 :])
    if not bool(np.all(window > 0)):
        return Unknown("HV30 needs positive closes")
    returns = np.diff(window) / window[:-1]
    return _decimal(float(np.std(returns, ddof=1)) * sqrt(TRADING_DAYS) * 100, "HV30")


def close_range(closes: Sequence[Decimal]) -> Decimal | Unknown:
    """Percent of the newest close between the highest and lowest of the last 3 closes."""
    if len(closes) < RANGE_DAYS:
        return _few("the range of closes", RANGE_DAYS, len(closes))
    window = closes[-RANGE_DAYS:]
    if window[-1] <= 0:
        return Unknown("the range of closes needs a positive close")
    return ((max(window) - min(window)) / window[-1] * 100).quantize(_PLACES)


def _array(values: Sequence[Decimal]) -> NDArray[np.float64]:
    return np.asarray([float(value) for value in values], dtype=np.float64)


def _decimal(value: float, name: str) -> Decimal | Unknown:
    """A decimal to four places, or Unknown for what floats call nan and inf."""
    if not isfinite(value):
        return Unknown(f"{name} could not be computed")
    return Decimal(value).quantize(_PLACES)


def _few(name: str, needed: int, have: int) -> Unknown:
    return Unknown(f"{name} needs {needed} daily bars, {have} are known")
