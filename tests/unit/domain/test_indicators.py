"""Indicators against their definitions, written out once more in plain Python."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from math import sqrt
from statistics import mean, stdev
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from senex.domain import indicators
from senex.domain.chain import Candle
from senex.domain.unknown import Unknown
from senex.testing.market import bars

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

D = Decimal
CLOSE_ENOUGH = 1e-3


def candle(close: float, *, high: float | None = None, low: float | None = None, day: int = 0) -> Candle:
    price = D(str(close))
    return Candle(
        date(2026, 1, 1) + timedelta(days=day),
        price,
        price if high is None else D(str(high)),
        price if low is None else D(str(low)),
        price,
        D(1),
    )


def walk(seed: int, count: int) -> list[Candle]:
    """A deterministic ragged path in eighths, which floats hold exactly, so that ties stay ties."""
    state, close, made = seed, 100.0, []
    for day in range(count):
        state = (state * 1103515245 + 12345) % 2**31
        close = max(close + (state % 33 - 16) / 8, 5.0)
        made.append(candle(close, high=close + state % 7 / 8, low=close - state % 5 / 8, day=day))
    return made


def closes(series: Sequence[Candle]) -> list[D]:
    return [bar.close for bar in series]


def wilder_rsi(prices: list[float]) -> float:
    changes = [b - a for a, b in pairwise(prices)]
    gain = mean(max(change, 0) for change in changes[:14])
    loss = mean(max(-change, 0) for change in changes[:14])
    for change in changes[14:]:
        gain = (gain * 13 + max(change, 0)) / 14
        loss = (loss * 13 + max(-change, 0)) / 14
    return 100 * gain / (gain + loss)


def wilder_adx(series: Sequence[Candle]) -> float:
    """Directional movement smoothed with α = 1/14, whatever the seed: long histories agree."""
    plus = minus = true_range = 0.0
    dx: list[float] = []
    for index, (a, b) in enumerate(pairwise(series), start=1):
        up, down = float(b.high - a.high), float(a.low - b.low)
        moves = (up if up > down and up > 0 else 0.0, down if down > up and down > 0 else 0.0)
        span = float(max(b.high - b.low, abs(b.high - a.close), abs(b.low - a.close)))
        keep = 0 if index < 14 else 1 / 14
        plus += moves[0] - plus * keep
        minus += moves[1] - minus * keep
        true_range += span - true_range * keep
        if index >= 14:
            dx.append(100 * abs(plus - minus) / (plus + minus) if plus + minus else 0.0)
    value = mean(dx[:14])
    for each in dx[14:]:
        value = (value * 13 + each) / 14
    return value


def ema(values: list[float], period: int) -> list[float]:
    out = [mean(values[:period])]
    for value in values[period:]:
        out.append(out[-1] + 2 / (period + 1) * (value - out[-1]))
    return out


@given(st.integers(1, 2**31 - 1), st.integers(150, 220))
@settings(max_examples=25)
def test_indicators_follow_their_definitions(seed: int, count: int) -> None:
    series = walk(seed, count)
    prices = [float(close) for close in closes(series)]
    window = prices[-20:]
    rsi, adx, sma = indicators.rsi(closes(series)), indicators.adx(series), indicators.sma(closes(series))
    assert float(rsi) == pytest.approx(wilder_rsi(prices), abs=CLOSE_ENOUGH)  # type: ignore[arg-type]
    assert float(adx) == pytest.approx(wilder_adx(series), abs=CLOSE_ENOUGH)  # type: ignore[arg-type]
    assert float(sma) == pytest.approx(mean(window), abs=CLOSE_ENOUGH)  # type: ignore[arg-type]
    bands = indicators.bollinger(closes(series))
    assert isinstance(bands, indicators.Bands)
    assert float(bands.upper) == pytest.approx(mean(window) + 2 * stdev(window), abs=CLOSE_ENOUGH)
    assert float(bands.lower) == pytest.approx(mean(window) - 2 * stdev(window), abs=CLOSE_ENOUGH)
    hv = indicators.historical_volatility(closes(series))
    returns = [b / a - 1 for a, b in pairwise(prices[-31:])]
    assert float(hv) == pytest.approx(stdev(returns) * sqrt(252) * 100, abs=CLOSE_ENOUGH)  # type: ignore[arg-type]
    assert indicators.support(series) == min(bar.low for bar in series[-20:])
    assert indicators.resistance(series) == max(bar.high for bar in series[-20:])


def test_macd_is_ema12_less_ema26_with_its_ema9() -> None:
    series = walk(7, 200)
    prices = [float(close) for close in closes(series)]
    found = indicators.macd(closes(series))
    assert isinstance(found, indicators.Macd)
    slow = ema(prices, 26)
    fast = ema(prices, 12)[-len(slow) :]
    line = [a - b for a, b in zip(fast, slow, strict=True)]
    assert float(found.line) == pytest.approx(line[-1], abs=0.01)
    assert float(found.signal) == pytest.approx(ema(line, 9)[-1], abs=0.01)
    assert found.histogram == pytest.approx(found.line - found.signal, abs=D("0.0002"))


def test_recent_move_is_the_five_day_range_in_percent() -> None:
    series = [candle(100, high=200, low=50), *(candle(100, high=104, low=98) for _ in range(5))]
    assert indicators.recent_move(series, D(120)) == D("5.0000")
    assert isinstance(indicators.recent_move(series, D(0)), Unknown)


@pytest.mark.parametrize(
    ("last", "percent"),
    [((500, 501, 500), "0.2000"), ((500, 502.5, 500), "0.5000"), ((500, 503, 500), "0.6000")],
)
def test_close_range(last: tuple[float, ...], percent: str) -> None:
    series = [D(999), *(D(str(close)) for close in last)]
    assert indicators.close_range(series) == D(percent)


@pytest.mark.parametrize(
    ("function", "needed"),
    [
        (indicators.sma, 20),
        (indicators.macd, 34),
        (indicators.rsi, 15),
        (indicators.bollinger, 20),
        (indicators.historical_volatility, 31),
        (indicators.close_range, 3),
    ],
)
def test_closes_too_few(function: Callable[[list[D]], object], needed: int) -> None:
    series = closes(bars(needed))
    assert not isinstance(function(series), Unknown)
    few = function(series[1:])
    assert isinstance(few, Unknown)
    assert f"{needed} daily bars, {needed - 1} are known" in few.why


@pytest.mark.parametrize(
    ("function", "needed"), [(indicators.adx, 100), (indicators.support, 20), (indicators.resistance, 20)]
)
def test_bars_too_few(function: Callable[[Sequence[Candle]], object], needed: int) -> None:
    assert not isinstance(function(bars(needed)), Unknown)
    assert isinstance(function(bars(needed - 1)), Unknown)


def test_recent_move_needs_five_bars() -> None:
    assert isinstance(indicators.recent_move(bars(4), D(500)), Unknown)


def test_what_prices_cannot_tell_is_unknown() -> None:
    assert isinstance(indicators.rsi([D(5)] * 40), Unknown)
    assert isinstance(indicators.historical_volatility([D(5)] * 30 + [D(0)]), Unknown)
    assert isinstance(indicators.close_range([D(1), D(1), D(0)]), Unknown)


def test_nan_is_unknown_not_a_number() -> None:
    poisoned = [*closes(bars(60)), D("NaN")]
    assert isinstance(indicators.sma(poisoned), Unknown)
    assert isinstance(indicators.macd(poisoned), Unknown)
    assert isinstance(indicators.bollinger(poisoned), Unknown)
