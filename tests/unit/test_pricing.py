"""Option pricing against an independent implementation, and the formulas' own laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from vollib.black_scholes_merton import black_scholes_merton  # type: ignore[import-untyped]
from vollib.black_scholes_merton.greeks import analytical  # type: ignore[import-untyped]

from senex.domain.pricing import (
    implied_volatility,
    implied_volatility_many,
    option_greeks,
    option_greeks_many,
    option_price,
    option_price_many,
)
from senex.domain.symbols import Right

MARKET = {"spot": 516.3, "years": 45 / 365, "rate": 0.04, "dividend_yield": 0.005}
CASES = [
    (right, strike, volatility)
    for right in Right
    for strike in (430.0, 509.0, 516.0, 523.0, 610.0)
    for volatility in (0.08, 0.2, 0.9)
]
rights = st.sampled_from(list(Right))
strikes = st.floats(300, 800)
times = st.floats(1 / 365, 2)
volatilities = st.floats(0.05, 1.5)


@pytest.mark.parametrize(("right", "strike", "volatility"), CASES)
def test_prices_and_greeks_agree_with_another_pricer(right: Right, strike: float, volatility: float) -> None:
    ours = option_greeks(right, strike=strike, volatility=volatility, **MARKET)
    arguments = (right.lower(), MARKET["spot"], strike, MARKET["years"], MARKET["rate"], volatility)

    def theirs(function: object) -> float:
        return float(function(*arguments, MARKET["dividend_yield"]))  # type: ignore[operator]

    assert ours.price == pytest.approx(theirs(black_scholes_merton), abs=1e-9)
    assert ours.delta == pytest.approx(theirs(analytical.delta), abs=1e-9)
    assert ours.gamma == pytest.approx(theirs(analytical.gamma), abs=1e-9)
    assert ours.theta == pytest.approx(theirs(analytical.theta), abs=1e-9)
    assert ours.vega == pytest.approx(theirs(analytical.vega), abs=1e-9)
    assert ours.rho == pytest.approx(theirs(analytical.rho), abs=1e-9)


def test_arrays_and_scalars_agree_to_the_last_bits() -> None:
    calls = np.array([right is Right.CALL for right, _, _ in CASES])
    strike = np.array([strike for _, strike, _ in CASES])
    volatility = np.array([volatility for _, _, volatility in CASES])

    many = option_greeks_many(calls, strike=strike, volatility=volatility, **MARKET)

    for index, (right, one_strike, one_volatility) in enumerate(CASES):
        one = option_greeks(right, strike=one_strike, volatility=one_volatility, **MARKET)
        for name in ("price", "delta", "gamma", "theta", "vega", "rho"):
            assert getattr(many, name)[index] == pytest.approx(getattr(one, name), abs=1e-12), name


@given(right=rights, strike=strikes, years=times, volatility=volatilities)
def test_the_price_finds_its_volatility_again(
    right: Right, strike: float, years: float, volatility: float
) -> None:
    fields = {"spot": 516.3, "strike": strike, "years": years, "rate": 0.04}
    price = option_price(right, volatility=volatility, **fields)
    found = implied_volatility(right, price, **fields)
    vega = option_greeks(right, volatility=volatility, **fields).vega
    if vega < 1e-4:
        return  # the price says next to nothing about the volatility

    assert found == pytest.approx(volatility, abs=1e-6)


@given(strike=strikes, years=times, volatility=volatilities)
def test_put_and_call_keep_parity(strike: float, years: float, volatility: float) -> None:
    fields = {"spot": 516.3, "strike": strike, "years": years, "volatility": volatility, "rate": 0.04}
    call, put = option_price(Right.CALL, **fields), option_price(Right.PUT, **fields)

    assert call - put == pytest.approx(516.3 - strike * math.exp(-0.04 * years), abs=1e-9)


def test_volatility_of_an_impossible_price_is_none() -> None:
    assert implied_volatility(Right.CALL, 600.0, strike=516.0, **MARKET) is None
    assert implied_volatility(Right.PUT, 0.0, strike=516.0, **MARKET) is None
    assert implied_volatility(Right.PUT, 5.0, spot=1.0, strike=2.0, years=0.0) is None
    found = implied_volatility_many([True, True], [600.0, 14.0], spot=516.3, strike=516.0, years=45 / 365)
    assert np.isnan(found[0])
    assert option_price_many(
        True, spot=516.3, strike=516.0, years=45 / 365, volatility=found[1]
    ) == pytest.approx(14.0, abs=1e-9)


@pytest.mark.parametrize("years", [0.0, -1.0])
def test_at_expiry_the_intrinsic_value_is_left(years: float) -> None:
    assert option_price(Right.CALL, spot=520.0, strike=516.0, years=years, volatility=0.2) == 4.0
    put = option_greeks(Right.PUT, spot=510.0, strike=516.0, years=years, volatility=0.2)
    assert (put.price, put.delta, put.gamma, put.theta) == (6.0, -1.0, 0.0, 0.0)
    dead = option_greeks_many([True, False], spot=520.0, strike=516.0, years=years, volatility=0.2)
    assert dead.price.tolist() == [4.0, 0.0]
    assert dead.delta.tolist() == [1.0, 0.0]


def test_without_volatility_the_discounted_forward_is_left() -> None:
    price = option_price(Right.CALL, spot=520.0, strike=516.0, years=1.0, volatility=0.0, rate=0.04)
    assert price == pytest.approx(520 - 516 * math.exp(-0.04))
