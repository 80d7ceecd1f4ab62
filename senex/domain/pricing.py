"""Black-Scholes-Merton prices, Greeks and implied volatility.

Two families of the same formulas: plain ``math`` functions for one option
(the same result on every machine, so the simulator builds on them), and
``numpy`` functions for whole chains (suffix ``_many``).

Units everywhere: volatility, rate and dividend yield are annualised decimal
fractions (0.20 is 20 %), time is in years of 365 days, prices are per share.
Theta is per calendar day, vega and rho per percentage point, as brokers quote.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from senex.domain.symbols import Right

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

DAYS_PER_YEAR = 365.0
MIN_VOLATILITY = 1e-4
MAX_VOLATILITY = 5.0
_ROOT_TWO = math.sqrt(2.0)
_ROOT_TWO_PI = math.sqrt(2.0 * math.pi)
_ERFC_MANY = np.frompyfunc(math.erfc, 1, 1)
_BISECTIONS = 100
_PRICE_TOLERANCE = 1e-12


@dataclass(frozen=True, slots=True)
class Greeks:
    """One option's value and sensitivities (units in the module's docstring)."""

    price: float
    delta: float
    gamma: float
    theta: float
    vega: float
    rho: float


@dataclass(frozen=True, slots=True)
class GreeksMany:
    """The same for arrays of options, element by element."""

    price: Floats
    delta: Floats
    gamma: Floats
    theta: Floats
    vega: Floats
    rho: Floats


def normal_cdf(x: float) -> float:
    """The standard normal distribution function."""
    return 0.5 * math.erfc(-x / _ROOT_TWO)


def normal_pdf(x: float) -> float:
    """The standard normal density."""
    return math.exp(-0.5 * x * x) / _ROOT_TWO_PI


def _cdf_many(x: Floats) -> Floats:
    """:func:`normal_cdf` element by element: the scalar's own erfc, so both families agree to the bit."""
    return 0.5 * np.asarray(_ERFC_MANY(-x / _ROOT_TWO), dtype=np.float64)


def option_price(
    right: Right,
    *,
    spot: float,
    strike: float,
    years: float,
    volatility: float,
    rate: float = 0.0,
    dividend_yield: float = 0.0,
) -> float:
    """The price of a European option; at or after expiry its intrinsic value."""
    sign = 1.0 if right is Right.CALL else -1.0
    if years <= 0.0:
        return max(0.0, sign * (spot - strike))
    forward_spot = spot * math.exp(-dividend_yield * years)
    discounted_strike = strike * math.exp(-rate * years)
    deviation = volatility * math.sqrt(years)
    if deviation <= 0.0:
        return max(0.0, sign * (forward_spot - discounted_strike))
    d1 = math.log(forward_spot / discounted_strike) / deviation + 0.5 * deviation
    d2 = d1 - deviation
    return sign * (forward_spot * normal_cdf(sign * d1) - discounted_strike * normal_cdf(sign * d2))


def option_greeks(
    right: Right,
    *,
    spot: float,
    strike: float,
    years: float,
    volatility: float,
    rate: float = 0.0,
    dividend_yield: float = 0.0,
) -> Greeks:
    """Price and Greeks of a European option; at or after expiry only delta is left."""
    sign = 1.0 if right is Right.CALL else -1.0
    deviation = volatility * math.sqrt(years) if years > 0.0 else 0.0
    if deviation <= 0.0:
        value = max(0.0, sign * (spot - strike))
        return Greeks(value, sign if value > 0.0 else 0.0, 0.0, 0.0, 0.0, 0.0)
    carry = math.exp(-dividend_yield * years)
    discount = math.exp(-rate * years)
    d1 = math.log(spot * carry / (strike * discount)) / deviation + 0.5 * deviation
    d2 = d1 - deviation
    cdf1, cdf2, density = normal_cdf(sign * d1), normal_cdf(sign * d2), normal_pdf(d1)
    decay = (
        -spot * carry * density * volatility / (2.0 * math.sqrt(years))
        - sign * rate * strike * discount * cdf2
        + sign * dividend_yield * spot * carry * cdf1
    )
    return Greeks(
        price=sign * (spot * carry * cdf1 - strike * discount * cdf2),
        delta=sign * carry * cdf1,
        gamma=carry * density / (spot * deviation),
        theta=decay / DAYS_PER_YEAR,
        vega=spot * carry * density * math.sqrt(years) / 100.0,
        rho=sign * strike * years * discount * cdf2 / 100.0,
    )


def implied_volatility(
    right: Right,
    price: float,
    *,
    spot: float,
    strike: float,
    years: float,
    rate: float = 0.0,
    dividend_yield: float = 0.0,
) -> float | None:
    """The volatility at which the option costs ``price``.

    None where there is none: at expiry, or a price outside the no-arbitrage
    bounds. Bisection, because it cannot diverge deep in or out of the money.
    """

    def value(volatility: float) -> float:
        return option_price(
            right,
            spot=spot,
            strike=strike,
            years=years,
            volatility=volatility,
            rate=rate,
            dividend_yield=dividend_yield,
        )

    if years <= 0.0 or not value(MIN_VOLATILITY) < price < value(MAX_VOLATILITY):
        return None
    low, high = MIN_VOLATILITY, MAX_VOLATILITY
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        if value(middle) < price:
            low = middle
        else:
            high = middle
        if high - low < _PRICE_TOLERANCE:
            break
    return 0.5 * (low + high)


def option_price_many(
    is_call: ArrayLike,
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    volatility: ArrayLike,
    rate: float = 0.0,
    dividend_yield: float = 0.0,
) -> Floats:
    """:func:`option_price` for arrays that broadcast together."""
    return option_greeks_many(
        is_call,
        spot=spot,
        strike=strike,
        years=years,
        volatility=volatility,
        rate=rate,
        dividend_yield=dividend_yield,
    ).price


def option_greeks_many(
    is_call: ArrayLike,
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    volatility: ArrayLike,
    rate: float = 0.0,
    dividend_yield: float = 0.0,
) -> GreeksMany:
    """:func:`option_greeks` for arrays that broadcast together."""
    call, s, k, t, v = np.broadcast_arrays(
        np.asarray(is_call, dtype=bool),
        np.asarray(spot, dtype=np.float64),
        np.asarray(strike, dtype=np.float64),
        np.asarray(years, dtype=np.float64),
        np.asarray(volatility, dtype=np.float64),
    )
    sign = np.where(call, 1.0, -1.0)
    deviation = v * np.sqrt(np.maximum(t, 0.0))
    dead = deviation <= 0.0
    safe = np.where(dead, 1.0, deviation)
    root = np.where(dead, 1.0, np.sqrt(np.maximum(t, 0.0)))
    carry, discount = np.exp(-dividend_yield * np.maximum(t, 0.0)), np.exp(-rate * np.maximum(t, 0.0))
    d1 = np.log(s * carry / (k * discount)) / safe + 0.5 * safe
    d2 = d1 - safe
    cdf1, cdf2 = _cdf_many(sign * d1), _cdf_many(sign * d2)
    density = np.exp(-0.5 * d1 * d1) / _ROOT_TWO_PI
    decay = (
        -s * carry * density * v / (2.0 * root)
        - sign * rate * k * discount * cdf2
        + sign * dividend_yield * s * carry * cdf1
    )
    intrinsic = np.maximum(0.0, sign * (s - k))
    return GreeksMany(
        price=np.where(dead, intrinsic, sign * (s * carry * cdf1 - k * discount * cdf2)),
        delta=np.where(dead, np.where(intrinsic > 0.0, sign, 0.0), sign * carry * cdf1),
        gamma=np.where(dead, 0.0, carry * density / (s * safe)),
        theta=np.where(dead, 0.0, decay / DAYS_PER_YEAR),
        vega=np.where(dead, 0.0, s * carry * density * root / 100.0),
        rho=np.where(dead, 0.0, sign * k * t * discount * cdf2 / 100.0),
    )


def implied_volatility_many(
    is_call: ArrayLike,
    price: ArrayLike,
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: float = 0.0,
    dividend_yield: float = 0.0,
) -> Floats:
    """:func:`implied_volatility` for arrays; NaN where there is none."""
    call, target, s, k, t = np.broadcast_arrays(
        np.asarray(is_call, dtype=bool),
        np.asarray(price, dtype=np.float64),
        np.asarray(spot, dtype=np.float64),
        np.asarray(strike, dtype=np.float64),
        np.asarray(years, dtype=np.float64),
    )

    def value(volatility: Floats) -> Floats:
        return option_price_many(
            call, spot=s, strike=k, years=t, volatility=volatility, rate=rate, dividend_yield=dividend_yield
        )

    low, high = np.full(target.shape, MIN_VOLATILITY), np.full(target.shape, MAX_VOLATILITY)
    solvable = (t > 0.0) & (value(low) < target) & (target < value(high))
    for _ in range(60):
        middle = 0.5 * (low + high)
        below = value(middle) < target
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.where(solvable, 0.5 * (low + high), np.nan)
