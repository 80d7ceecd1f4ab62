"""A simulated year has the volatilities and correlations that were asked of it.

Errors are stated where they are used: with n daily changes of kurtosis κ a
realised volatility is off by √((κ-1)/4n) of itself, a correlation by about
(1-ρ²)/√n, both over √seeds when seeds are averaged. κ is about 4.5 with the
jumps, and higher where regimes mix. Bounds are at least four such errors.
"""

from __future__ import annotations

import itertools
import math
from datetime import timedelta
from statistics import mean

import pytest

from senex.simulator.assembly import DEFAULT_START
from senex.simulator.market.draws import Draws
from senex.simulator.market.factors import Factors
from senex.simulator.market.market import Market
from senex.simulator.market.profiles import PROFILES, Scenario
from senex.simulator.market.regimes import Regimes

YEAR = range(-259, 0)
SEEDS = range(12)
SYMBOLS = ("SPY", "QQQ", "IWM", "TLT", "GLD", "AAPL", "NVDA", "JPM")
INDEPENDENT_ERROR = 0.055
"""Of one year's volatility: √(3.5 / (4 · 259))."""


def changes(market: Market, symbol: str) -> list[float]:
    """A year's daily logarithmic changes, dividends added back, the days after reports as nothing."""
    daily = market.underlyings[symbol].fund
    reports = {market.sessions.number_of(one.day) + (one.time == "AMC") for one in market.earnings(symbol)}
    paid = {market.sessions.number_of(one.ex_date): float(one.amount) for one in market.dividends(symbol)}
    return [
        0.0
        if number in reports
        else math.log((daily.close(number) + paid.get(number, 0.0)) / daily.close(number - 1))
        for number in YEAR
    ]


def volatility(moves: list[float]) -> float:
    """Annualised."""
    middle = mean(moves)
    return math.sqrt(252 * sum((one - middle) ** 2 for one in moves) / (len(moves) - 1))


def correlation(one: list[float], other: list[float]) -> float:
    """Of two years of changes."""
    a, b = mean(one), mean(other)
    covariance = sum((x - a) * (y - b) for x, y in zip(one, other, strict=True))
    return covariance / math.sqrt(sum((x - a) ** 2 for x in one) * sum((y - b) ** 2 for y in other))


@pytest.fixture(scope="module", params=[Scenario.NORMAL, Scenario.BULL, Scenario.RANGE, Scenario.HIGH_VOL])
def years(request: pytest.FixtureRequest) -> list[tuple[Market, dict[str, list[float]]]]:
    """A year of each seed."""
    found = []
    for seed in SEEDS:
        market = Market(seed=seed, scenario=request.param, start=DEFAULT_START)
        found.append((market, {symbol: changes(market, symbol) for symbol in SYMBOLS}))
    return found


def test_volatilities_are_those_asked_for(years: list[tuple[Market, dict[str, list[float]]]]) -> None:
    every = []
    for symbol in SYMBOLS:
        profile = PROFILES[symbol]
        ratios = [
            volatility(moves[symbol]) / math.sqrt(market.factors.asked(profile, profile, YEAR))
            for market, moves in years
        ]
        every += ratios
        # one symbol over 12 seeds: 1.6 % where one regime holds, about 2.5 % where they mix
        assert abs(mean(ratios) - 1.0) < 0.09, symbol
        assert all(abs(ratio - 1.0) < 6 * INDEPENDENT_ERROR for ratio in ratios), symbol
    # 96 years, of which the correlated ones count less: about 1 %
    assert abs(mean(every) - 1.0) < 0.045


def test_correlations_are_those_asked_for(years: list[tuple[Market, dict[str, list[float]]]]) -> None:
    for one, other in itertools.combinations(SYMBOLS, 2):
        first, second = PROFILES[one], PROFILES[other]
        errors = []
        for market, moves in years:
            asked = market.factors.asked(first, second, YEAR) / math.sqrt(
                market.factors.asked(first, first, YEAR) * market.factors.asked(second, second, YEAR)
            )
            errors.append(correlation(moves[one], moves[other]) - asked)
        # at most 1/√259 = 6.2 % a year, 1.8 % over 12 seeds; more where regimes mix
        assert abs(mean(errors)) < 0.09, (one, other)


def test_the_profile_is_what_is_asked_over_the_mixture_of_regimes() -> None:
    regimes = [Factors(draws, Regimes(draws, Scenario.NORMAL)) for draws in map(Draws, range(150))]
    for symbol in ("SPY", "AAPL"):
        profile = PROFILES[symbol]
        asked = mean(factors.asked(profile, profile, YEAR) for factors in regimes)
        # a year's variance scatters by about its half between seeds: 4 % over 150
        assert abs(math.sqrt(asked) / profile.volatility - 1.0) < 0.10, symbol
    seen = {factors.regimes.at(number).name for factors in regimes for number in YEAR}
    assert seen == {"bull", "bear", "range", "high_vol", "crisis"}


def test_the_day_is_loud_at_its_ends_and_the_night_moves_too() -> None:
    half_hours = [0.0] * 13
    night = day = 0.0
    for seed in range(3):
        market = Market(seed=seed, scenario=Scenario.BULL, start=DEFAULT_START)
        for number in range(-40, 0):
            session = market.sessions[number]
            bars = market.bars("SPY", "30m", session.opens, market.tick(session.closes))
            assert bars is not None
            assert len(bars) == 13
            moves = [math.log(bar.close / bar.open) ** 2 for bar in bars]
            half_hours = [one + more for one, more in zip(half_hours, moves, strict=True)]
            night += math.log(bars[0].open / market.close("SPY", number - 1)) ** 2
            day += sum(moves)
    middle = sum(half_hours[4:9]) / 5
    # 120 squares each: an error of 13 % on either side of ratios of about 2.5
    assert half_hours[0] > 1.5 * middle
    assert half_hours[-1] > 1.5 * middle
    assert 0.1 < night / (night + day) < 0.45


def test_a_crash_falls_and_raises_volatility_and_the_fear_index() -> None:
    worst = []
    for seed in range(6):
        market = Market(seed=seed, scenario=Scenario.CRASH, start=DEFAULT_START)
        after = market.tick(market.sessions[11].closes)
        worst.append(min(market.close("SPY", day) / market.close("SPY", day - 1) for day in range(11)))

        assert market.spot("VIX", after) > 1.5 * market.spot("VIX", 0)
        assert market.month("SPY", after) > 1.5 * market.month("SPY", 0)
    # the script says -6.8 %; a day of crisis scatters by 2.8 %, six by 1.2 %
    assert 0.86 < mean(worst) < 0.96


def test_volatility_rises_as_prices_fall() -> None:
    market = Market(seed=3, scenario=Scenario.NORMAL, start=DEFAULT_START)
    spots = [(market.spot("SPY", tick), market.month("SPY", tick)) for tick in range(0, 80_000, 800)]

    for (low, fear), (high, calm) in itertools.pairwise(sorted(spots)):
        assert calm < fear or high - low < 0.011


def test_the_index_is_its_fund_without_the_dividend_it_has_collected() -> None:
    market = Market(seed=5, scenario=Scenario.NORMAL, start=DEFAULT_START)
    for number in range(-80, 0):
        tick = market.tick(market.sessions[number].closes - timedelta(hours=1))
        spx, spy, xsp = (market.spot(symbol, tick) for symbol in ("SPX", "SPY", "XSP"))
        assert -0.06 < 10.0 * spy - spx < 18.0
        assert abs(spx / 10.0 - xsp) < 0.011
    ex_date = market.sessions.number_of(market.dividends("SPY")[9].ex_date)
    opened, before = (
        market.day_bar("SPY", ex_date, market.tick(market.sessions[ex_date].opens))[0],
        market.close("SPY", ex_date - 1),
    )
    index = market.day_bar("SPX", ex_date, market.tick(market.sessions[ex_date].opens))[0]
    assert 10 * (opened - before) - (index - market.close("SPX", ex_date - 1)) == pytest.approx(
        -17.6, abs=0.3
    )
