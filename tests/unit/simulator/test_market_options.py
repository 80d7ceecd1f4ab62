"""Option values against an independent pricer, and without arbitrage at values and at quotes."""

from __future__ import annotations

import itertools
import math
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

import pytest
import QuantLib as ql  # type: ignore[import-untyped]  # noqa: N813  as its documentation does
from hypothesis import given, settings
from hypothesis import strategies as st

from senex.domain.symbols import OptionSymbol, Right
from senex.simulator.assembly import DEFAULT_START
from senex.simulator.market.contracts import Contract, contract
from senex.simulator.market.market import Market
from senex.simulator.market.profiles import Scenario
from senex.simulator.market.surface import RATE, shape_of

if TYPE_CHECKING:
    from decimal import Decimal

    from senex.simulator.market.listing import Expiration
    from senex.simulator.market.quotes import Quote, Theory

SESSION_TICKS = 4 * 23_400
SCENARIOS = [one for one in Scenario if one is not Scenario.BLOCKED]
OPTIONABLE = ("SPY", "QQQ", "IWM", "TLT", "AAPL", "NVDA", "F", "SPX", "XSP", "NDX")
DUST = 1e-9
EXAMPLES = 12 if settings().max_examples == 100 else settings().max_examples


@lru_cache(maxsize=8)
def market_of(seed: int, scenario: Scenario) -> Market:
    """A market of a seed."""
    return Market(seed=seed, scenario=scenario, start=DEFAULT_START)


def known(expiration: Expiration, right: Right, strike: Decimal) -> Contract:
    """A listed contract."""
    found = contract(OptionSymbol(expiration.root, expiration.day, right, strike).occ)
    assert found is not None
    return found


def theory(market: Market, one: Contract, tick: int) -> Theory:
    """What lies behind a contract's quote."""
    found = market.option_theory(one.occ, tick)
    assert found is not None
    return found


def quote(market: Market, one: Contract, tick: int) -> Quote:
    """A contract's quote."""
    found = market.quote(one.occ, tick)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("symbol", "scenario"), [("SPY", Scenario.NORMAL), ("SPX", Scenario.CRASH), ("AAPL", Scenario.CALM)]
)
def test_every_option_of_a_chain_agrees_with_an_independent_pricer(symbol: str, scenario: Scenario) -> None:
    market, tick, every = market_of(11, scenario), 12_345, 1 if symbol == "SPY" else 3
    compared = implied = 0
    for expiration in market.chain(symbol, tick):
        for strike in expiration.strikes[::every]:
            for right in Right:
                one = known(expiration, right, strike)
                found = theory(market, one, tick)
                if found.years == 0.0:
                    inside = (1 if one.is_call else -1) * (found.underlying - one.strike)
                    assert found.greeks.price == pytest.approx(max(0.0, inside))
                    continue
                left = (one.expires_at - market.instant(market.live_tick(one, tick))).total_seconds()
                implied += agrees(found, one, whole=found.years == pytest.approx(left / (365 * 86400)))
                compared += 1
    assert compared > 1.2 * sum(len(one.strikes) for one in market.chain(symbol, tick)) / every
    assert implied > 500


def agrees(found: Theory, one: Contract, *, whole: bool) -> bool:
    """Whether the surface's volatility was recovered too: where the price says something about it.

    Not ``whole`` is an option worth most when it is exercised before expiry.
    """
    kind = ql.Option.Call if one.is_call else ql.Option.Put
    years, strike = found.years, one.strike
    forward = found.spot * math.exp((RATE - found.carry) * years)
    discount = math.exp(-RATE * years)
    own = found.greeks
    # the volatility that the price implies by bisection of the independent formula
    payoff = ql.PlainVanillaPayoff(kind, strike)
    floor = max(0.0, discount * (1 if one.is_call else -1) * (forward - strike))
    if own.price - floor < 1e-4 or own.vega < 1e-3:
        return False
    deviation = ql.blackFormulaImpliedStdDev(
        kind, strike, forward, own.price, discount, 0.0, found.volatility * math.sqrt(years), 1e-13, 1000
    )
    engine = ql.BlackCalculator(payoff, forward, deviation, discount)
    assert engine.value() == pytest.approx(own.price, abs=1e-6)
    assert engine.delta(found.spot) == pytest.approx(own.delta, abs=1e-6)
    assert engine.gamma(found.spot) == pytest.approx(own.gamma, abs=1e-6)
    assert engine.vega(years) / 100 == pytest.approx(own.vega, abs=1e-6)
    assert engine.theta(found.spot, years) / 365 == pytest.approx(own.theta, abs=1e-6)
    assert engine.rho(years) / 100 == pytest.approx(own.rho, abs=1e-6)
    if whole:
        assert deviation / math.sqrt(years) == pytest.approx(found.volatility, abs=1e-6)
    return whole


@settings(max_examples=EXAMPLES)
@given(
    seed=st.integers(0, 5),
    scenario=st.sampled_from(SCENARIOS),
    symbol=st.sampled_from(OPTIONABLE),
    tick=st.integers(0, 12 * SESSION_TICKS),
)
def test_values_admit_no_arbitrage(seed: int, scenario: Scenario, symbol: str, tick: int) -> None:
    market = market_of(seed, scenario)
    for root in {one.root for one in market.chain(symbol, tick)}:
        by_strike: dict[tuple[Right, Decimal], list[float]] = {}
        for expiration in market.chain(symbol, tick):
            if expiration.root != root:
                continue
            for right in Right:
                values = values_of(market, expiration, right, tick)
                for strike, value in values:
                    by_strike.setdefault((right, strike), []).append(value)
                no_arbitrage_in_strikes(values, right)
            parity(market, expiration, tick)
        if market.underlyings[symbol].profile.is_index:
            continue
        for key, values_in_time in by_strike.items():
            for near, far in itertools.pairwise(values_in_time):
                # American puts between the monthlies: less than the narrowest spread
                assert near <= far + max(0.02, 1e-4 * float(key[1])), (key, near, far)


def values_of(market: Market, expiration: Expiration, right: Right, tick: int) -> list[tuple[Decimal, float]]:
    """The values of an expiration by strike, at one and the same tick."""
    found = []
    for strike in expiration.strikes[:: max(1, len(expiration.strikes) // 40)]:
        one = known(expiration, right, strike)
        found.append((strike, theory(market, one, tick).greeks.price))
    return found


def no_arbitrage_in_strikes(values: list[tuple[Decimal, float]], right: Right) -> None:
    """Monotone, no steeper than the strikes, convex."""
    sign = 1.0 if right is Right.CALL else -1.0
    points = [(float(strike), value) for strike, value in values]
    for (low, left), (high, other) in itertools.pairwise(points):
        assert -DUST <= sign * (left - other) <= high - low + DUST
    for (low, left), (middle, inside), (high, other) in zip(points, points[1:], points[2:], strict=False):
        weight = (high - middle) / (high - low)
        assert inside <= weight * left + (1.0 - weight) * other + DUST


def parity(market: Market, expiration: Expiration, tick: int) -> None:
    """Equality for Europeans; for Americans the bounds that early exercise leaves."""
    for strike in expiration.strikes[::9]:
        call, put = (known(expiration, right, strike) for right in (Right.CALL, Right.PUT))
        up, down = theory(market, call, tick), theory(market, put, tick)
        if up.years == 0.0 or down.years == 0.0:
            continue
        gap = up.greeks.price - down.greeks.price
        years = (call.expires_at - market.instant(market.live_tick(call, tick))).total_seconds() / (
            365 * 86400
        )
        bond = float(strike) * math.exp(-RATE * years)
        if not call.american:
            assert gap == pytest.approx(up.spot * math.exp(-up.carry * years) - bond, abs=1e-8)
        else:
            assert up.greeks.price >= up.underlying - call.strike - DUST
            assert down.greeks.price >= put.strike - down.underlying - DUST
            assert gap <= up.underlying - bond + 1e-7


@settings(max_examples=EXAMPLES)
@given(
    seed=st.integers(0, 5),
    scenario=st.sampled_from(SCENARIOS),
    symbol=st.sampled_from(OPTIONABLE),
    tick=st.integers(0, 12 * SESSION_TICKS),
)
def test_quotes_admit_no_arbitrage_at_prices_that_can_be_traded(
    seed: int, scenario: Scenario, symbol: str, tick: int
) -> None:
    market = market_of(seed, scenario)
    ticks = market.underlyings[symbol].profile.ticks
    dearest: dict[tuple[str, Right, Decimal], int] = {}
    for expiration in market.chain(symbol, tick)[::3]:
        strikes = expiration.strikes[:: max(1, len(expiration.strikes) // 40)]
        for right in Right:
            quotes = [quote(market, known(expiration, right, strike), tick) for strike in strikes]
            no_free_lunch(quotes, [int(100 * strike) for strike in strikes], right)
            for one, strike in zip(quotes, strikes, strict=True):
                value = 100 * theory(market, known(expiration, right, strike), tick).greeks.price
                assert 0 <= one.bid < one.ask
                key = (expiration.root, right, strike)
                if not market.underlyings[symbol].profile.is_index:
                    assert dearest.get(key, 0) <= one.ask, key
                dearest[key] = max(dearest.get(key, 0), one.bid)
                assert one.bid <= value + DUST
                assert one.ask >= value - DUST
                assert one.bid % ticks.at(one.bid) == one.ask % ticks.at(one.ask) == 0


def no_free_lunch(quotes: list[Quote], strikes: list[int], right: Right) -> None:
    """No vertical pays more than its width or is paid for taking, no butterfly costs less than nothing."""
    sign = 1 if right is Right.CALL else -1
    for (one, low), (other, high) in itertools.pairwise(zip(quotes, strikes, strict=True)):
        dear, cheap = (one, other) if sign > 0 else (other, one)
        assert dear.bid - cheap.ask <= high - low
        assert dear.ask - cheap.bid >= 0
    triples = zip(quotes, quotes[1:], quotes[2:], strikes, strikes[1:], strikes[2:], strict=False)
    for left, inside, other, low, middle, high in triples:
        cost = (high - middle) * left.ask + (middle - low) * other.ask - (high - low) * inside.bid
        assert cost >= 0


def test_surfaces_keep_inside_the_conditions_of_no_arbitrage() -> None:
    for scenario in SCENARIOS:
        market = market_of(2, scenario)
        for symbol, underlying in market.underlyings.items():
            shape = shape_of(underlying.profile, scenario)
            assert shape.wings**2 * (1 + abs(shape.skew)) <= 4
            for level in (underlying.profile.volatility * times for times in (0.36, 1.0, 3.0, 6.0)):
                thetas = [
                    underlying.surface.theta(level, years) for years in (0.001, 0.01, 0.1, 0.5, 1.0, 2.6)
                ]
                assert thetas == sorted(thetas), symbol
                assert shape.wings * (1 + abs(shape.skew)) * math.sqrt(thetas[-1]) < 4, (symbol, level)


def test_spreads_widen_at_the_opening_from_the_money_and_under_stress() -> None:
    market = market_of(1, Scenario.CRASH)

    def width(tick: int, away: float, symbol: str = "SPY") -> float:
        expiration = market.chain(symbol, tick)[15]
        spot = market.spot(symbol, tick)
        strike = min(expiration.strikes, key=lambda one: abs(float(one) - spot * (1 + away)))
        found = quote(market, known(expiration, Right.CALL, strike), tick)
        return found.ask - found.bid

    opening = market.tick(market.sessions[1].opens)
    assert width(opening + 8, 0.0) > 1.5 * width(opening + 20_000, 0.0)
    assert width(opening + 20_000, -0.11) > width(opening + 20_000, 0.0)
    stressed = market.tick(market.sessions[10].opens) + 20_000
    assert width(stressed, 0.0) > 1.5 * width(opening + 20_000, 0.0)


def test_earnings_lift_the_volatility_of_what_expires_after_them() -> None:
    market = market_of(4, Scenario.NORMAL)
    report = next(one for one in market.earnings("NFLX") if one.day > market.day(0))
    tick = market.tick(market.sessions[market.sessions.number_of(report.day)].opens)
    first, second = (
        market.implied("NFLX", market.sessions[market.sessions.number_of(report.day) + days].closes, tick)
        for days in (0, 1)
    )
    assert second > 1.8 * first
    after = market.tick(market.sessions[market.sessions.number_of(report.day) + 1].opens) + 4
    assert market.implied("NFLX", market.instant(after) + timedelta(days=2), after) < 0.8 * second
