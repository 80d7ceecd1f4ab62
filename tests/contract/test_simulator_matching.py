"""Properties of matching, margin, prices and ledger that hold for any order."""

from __future__ import annotations

import itertools
import warnings
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pandas_market_calendars as calendars
import pytest
from hypothesis import given
from hypothesis import strategies as st

from senex.domain.symbols import OptionSymbol, Right
from senex.simulator.assembly import DEFAULT_START
from senex.simulator.market.draws import Draws
from senex.simulator.market.market import Market
from senex.simulator.market.profiles import Scenario
from senex.simulator.market.sessions import Sessions
from senex.simulator.matching import Side, natural, net_price, opposite, patience, split

if TYPE_CHECKING:
    from senex.simulator.market.quotes import Quote

DAY = date(2026, 6, 2)


@st.composite
def sides(draw: st.DrawFn) -> list[Side]:
    """One to four legs whose ratios have no common divisor."""
    count = draw(st.integers(1, 4))
    made = []
    for index in range(count):
        bid, spread = draw(st.integers(20, 4000)), draw(st.integers(1, 12))
        ratio = 1 if index == count - 1 else draw(st.sampled_from([1, 1, 2]))
        sign = draw(st.sampled_from([1, -1]))
        made.append(Side(f"L{index}", sign, ratio, bid, bid + spread))
    return made


@given(sides(), st.integers(-6000, 6000), st.floats(-1, 1))
def test_nothing_fills_through_the_market_or_worse_than_its_limit(
    legs: list[Side], limit: int, willing: float
) -> None:
    net = net_price(limit, legs, willing)
    if net is not None:
        assert net >= limit
        assert natural(legs) <= net <= opposite(legs)


@given(sides(), st.floats(0, 1))
def test_leg_prices_sum_to_the_net_and_lie_inside_their_quotes(legs: list[Side], share: float) -> None:
    net = round(natural(legs) + share * (opposite(legs) - natural(legs)))

    prices = split(net, legs)

    assert sum(leg.sign * leg.ratio * prices[leg.symbol] for leg in legs) == net
    assert all(leg.bid <= prices[leg.symbol] <= leg.ask for leg in legs)


def test_patience_lets_an_order_at_mid_wait_but_not_for_long() -> None:
    draws = Draws(1)
    for order in range(200):
        waits = [age for age in range(60) if patience(draws, order, age) >= 0.06]
        assert 1 <= waits[0] <= 12
        assert patience(draws, order, 10_000) < 0.5


@pytest.fixture(scope="module")
def market() -> Market:
    """A calm market."""
    return Market(seed=21, scenario=Scenario.CALM, start=DEFAULT_START)


def _quote(market: Market, right: Right, strike: int, expiry: date, tick: int) -> Quote:
    quote = market.quote(OptionSymbol("QQQ", expiry, right, Decimal(strike)).occ, tick)
    assert quote is not None
    return quote


@pytest.mark.parametrize("tick", [0, 17, 40_000])
def test_marks_leave_no_arbitrage_beyond_their_spreads(market: Market, tick: int) -> None:
    spot = round(market.spot("QQQ", tick))
    soon = range(7, 71)
    expiries = [one.day for one in market.chain("QQQ", tick) if (one.day - market.day(tick)).days in soon]
    for expiry in expiries[2::3]:
        puts = [_quote(market, Right.PUT, strike, expiry, tick) for strike in range(spot - 40, spot + 41)]
        calls = [_quote(market, Right.CALL, strike, expiry, tick) for strike in range(spot - 40, spot + 41)]
        for lower, higher in itertools.pairwise(puts):
            assert lower.bid <= higher.ask
        for lower, higher in itertools.pairwise(calls):
            assert higher.bid <= lower.ask
        for low, middle, high in zip(puts, puts[1:], puts[2:], strict=False):
            assert 2 * middle.bid <= low.ask + high.ask
        parity = [
            call.mid - put.mid + strike for call, put, strike in zip(calls, puts, range(-40, 41), strict=True)
        ]
        assert max(parity) - min(parity) < Decimal("0.60")
        assert all(0 < quote.bid < quote.ask for quote in (*puts, *calls))
    assert expiries == sorted(expiries)
    near, far = (_quote(market, Right.PUT, spot, day, tick) for day in (expiries[1], expiries[-1]))
    assert near.ask < far.bid


def test_the_path_is_a_function_of_seed_and_tick_alone(market: Market) -> None:
    again = Market(seed=21, scenario=Scenario.CALM, start=DEFAULT_START)
    ticks = [90_000, 3, 250_000, 0, 40_001]

    assert [again.quote("QQQ", tick) for tick in ticks] == [
        market.quote("QQQ", tick) for tick in sorted(ticks, key=ticks.index)
    ]


def test_the_session_ends_at_the_daily_close(market: Market) -> None:
    session = market.sessions[0]
    close = market.underlyings["QQQ"].daily.close(0)

    assert market.spot("QQQ", market.tick(session.closes)) == close
    night = [market.spot("QQQ", market.tick(session.closes + timedelta(hours=hours))) for hours in (4, 5, 11)]
    assert len(set(night)) == 1
    last = market.spot("QQQ", market.tick(session.closes) - 1)
    assert abs(last - close) < 0.10
    bars = market.bars("QQQ", "d", session.opens, market.tick(session.closes))
    assert bars is not None
    assert [(bar.start.date(), bar.close) for bar in bars] == [(session.day, close)]


def test_the_calendar_is_the_exchanges_own() -> None:
    with warnings.catch_warnings():
        # the calendar package uses pandas in ways that newer pandas wants written differently
        warnings.simplefilter("ignore", category=DeprecationWarning)
        frame = calendars.get_calendar("NYSE").schedule(start_date="2025-03-01", end_date="2028-08-01")
    known = Sessions(DEFAULT_START).between(date(2025, 5, 1), date(2028, 8, 1))
    theirs = [
        (day.date(), opens.to_pydatetime(), closes.to_pydatetime())
        for day, opens, closes in zip(frame.index, frame["market_open"], frame["market_close"], strict=True)
    ]

    assert [(one.day, one.opens, one.closes) for one in known] == [
        one for one in theirs if known[0].day <= one[0] <= known[-1].day
    ]
    assert len(known) > 700
