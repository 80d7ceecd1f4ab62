"""Bars of every period come from one path: they add up, end at the last price and never move."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from senex.domain.symbols import OptionSymbol, Right
from senex.simulator.assembly import DEFAULT_START
from senex.simulator.market.market import Market
from senex.simulator.market.profiles import Scenario
from senex.simulator.market.sessions import new_york

EXAMPLES = 6 if settings().max_examples == 100 else settings().max_examples

if TYPE_CHECKING:
    from senex.simulator.market.bars import Bar


@pytest.fixture(scope="module")
def market() -> Market:
    """A diffusion."""
    return Market(seed=13, scenario=Scenario.NORMAL, start=DEFAULT_START)


def bars_of(market: Market, symbol: str, period: str, number: int, *, extended: bool = False) -> list[Bar]:
    """A session's bars."""
    session = market.sessions[number]
    tick = market.tick(session.closes + timedelta(hours=5))
    found = market.bars(symbol, period, session.opens - timedelta(hours=6), tick, extended=extended)
    assert found is not None
    return [bar for bar in found if bar.start.date() == session.day]


def whole(bars: list[Bar]) -> tuple[float, float, float, float, int]:
    """What bars add up to."""
    return (
        bars[0].open,
        max(bar.high for bar in bars),
        min(bar.low for bar in bars),
        bars[-1].close,
        sum(bar.volume for bar in bars),
    )


@pytest.mark.parametrize("symbol", ["SPY", "AAPL", "SPX", "VIX"])
def test_a_day_is_what_its_shorter_bars_add_up_to(market: Market, symbol: str) -> None:
    for number in (-3, 2):
        (day,) = bars_of(market, symbol, "1d", number)
        for period, count in {"1m": 390, "5m": 78, "15m": 26, "30m": 13, "1h": 7}.items():
            bars = bars_of(market, symbol, period, number)
            assert len(bars) == count
            assert whole(bars) == (day.open, day.high, day.low, day.close, day.volume), period
            assert all(bar.low <= min(bar.open, bar.close) for bar in bars)
            assert all(bar.high >= max(bar.open, bar.close) for bar in bars)
            assert all(one.close == other.open for one, other in itertools.pairwise(bars))
        assert day.close == market.close(symbol, number)


def test_prices_stay_inside_their_bars(market: Market) -> None:
    session = market.sessions[0]
    first = market.tick(session.opens)
    for bar in bars_of(market, "QQQ", "1m", 0)[::37]:
        ticks = range(market.tick(bar.start), market.tick(bar.start + timedelta(minutes=1)) + 1)
        prices = [market.spot("QQQ", tick) for tick in ticks]
        assert ticks[0] >= first
        assert (prices[0], prices[-1]) == (bar.open, bar.close)
        assert bar.low <= min(prices)
        assert max(prices) <= bar.high


def test_early_and_late_hours_lead_from_close_to_opening(market: Market) -> None:
    (regular,) = bars_of(market, "SPY", "1d", 1)
    (day,) = bars_of(market, "SPY", "1d", 1, extended=True)
    hours = bars_of(market, "SPY", "1h", 1, extended=True)

    assert hours[0].start == new_york(market.sessions[1].day, 4)
    assert whole(hours) == (day.open, day.high, day.low, day.close, day.volume)
    assert (day.low <= regular.low, day.high >= regular.high) == (True, True)
    assert regular.volume < day.volume
    assert bars_of(market, "SPX", "1h", 1, extended=True) == bars_of(market, "SPX", "1h", 1)


def test_the_last_bar_ends_at_the_last_price(market: Market) -> None:
    tick = market.tick(market.sessions[1].opens) + 4321
    for period in ("1s", "15s", "1m", "1h", "d", "w", "mo"):
        bars = market.bars("SPY", period, market.instant(tick) - timedelta(minutes=3), tick)
        assert bars is not None
        assert bars[-1].close == market.spot("SPY", tick), period


def test_weeks_and_months_hold_their_days(market: Market) -> None:
    tick = market.tick(market.sessions[0].closes)
    days = market.bars("SPY", "d", new_york(date(2026, 3, 2), 0), tick)
    assert days is not None
    for period, key in (("w", _week), ("mo", _month)):
        found = market.bars("SPY", period, new_york(date(2026, 3, 2), 12), tick)
        assert found is not None
        groups = [list(group) for _, group in itertools.groupby(days, key=key)]
        assert [whole([bar]) for bar in found[-len(groups) :]] == [whole(group) for group in groups]


def _week(bar: Bar) -> tuple[int, int]:
    return bar.start.isocalendar()[:2]


def _month(bar: Bar) -> tuple[int, int]:
    return bar.start.year, bar.start.month


def test_a_half_day_has_half_its_bars(market: Market) -> None:
    number = market.sessions.number_of(date(2026, 11, 27))

    assert len(bars_of(market, "SPY", "30m", number)) == 7


def test_options_have_bars_too(market: Market) -> None:
    expiration = next(one for one in market.chain("SPY", 0) if one.monthly)
    strike = min(expiration.strikes, key=lambda one: abs(float(one) - market.spot("SPY", 0)))
    occ = OptionSymbol("SPY", expiration.day, Right.CALL, strike).occ
    (day,) = bars_of(market, occ, "d", 1)

    assert whole(bars_of(market, occ, "5m", 1)) == whole([day])
    assert day.low < day.high
    assert day.volume > 0
    assert market.bars(occ, "2y", DEFAULT_START, 0) is None
    assert market.bars("NOPE", "1m", DEFAULT_START, 0) is None


def test_bars_before_a_split_are_in_new_shares(market: Market) -> None:
    split = market.splits("NFLX")[0]
    number = market.sessions.number_of(split.day)
    after = market.tick(market.sessions[number].closes)
    bars = market.bars("NFLX", "d", market.sessions[number - 2].opens, after)
    assert bars is not None

    assert market.close("NFLX", number - 1) == pytest.approx(4 * bars[-2].close, abs=0.02)
    assert bars[-1].close == market.close("NFLX", number)
    assert bars[-1].open == pytest.approx(bars[-2].close, rel=0.1)


def test_volumes_grow_through_the_day_and_begin_again(market: Market) -> None:
    expiration = next(one for one in market.chain("QQQ", 0) if one.monthly)
    strike = min(expiration.strikes, key=lambda one: abs(float(one) - market.spot("QQQ", 0)))
    occ = OptionSymbol("QQQ", expiration.day, Right.PUT, strike).occ
    opens, closes = (
        market.tick(instant) for instant in (market.sessions[1].opens, market.sessions[1].closes)
    )
    for symbol in ("QQQ", occ):
        volumes = [market.volume(symbol, tick) for tick in range(opens, closes, 4000)]
        assert volumes == sorted(volumes)
        assert volumes[-1] > volumes[0]
    assert market.volume(occ, opens - 40) == 0
    assert market.volume(occ, closes + 4 * 3600) == market.volume(occ, closes) > 0
    far = OptionSymbol("QQQ", expiration.day, Right.PUT, expiration.strikes[0]).occ
    assert market.open_interest(far, opens) < market.open_interest(occ, opens)
    assert market.open_interest(occ, opens) == market.open_interest(occ, closes)
    calls, puts = market.option_volumes("F", opens + 60_000)
    assert calls > 0 < puts


@settings(max_examples=EXAMPLES)
@given(
    st.lists(
        st.tuples(st.sampled_from(["SPY", "AAPL", "VIX", "NDX", "V"]), st.integers(-300_000, 3_000_000)),
        min_size=2,
    )
)
def test_answers_do_not_depend_on_what_was_asked_before(questions: list[tuple[str, int]]) -> None:
    one, other = (Market(seed=17, scenario=Scenario.NORMAL, start=DEFAULT_START) for _ in range(2))
    forward = [answer(one, *question) for question in questions]
    backward = [answer(other, *question) for question in reversed(questions)]

    assert forward == backward[::-1]


def answer(market: Market, symbol: str, tick: int) -> object:
    """Everything a tick says about a symbol."""
    number = market.place(tick).started
    return (
        market.quote(symbol, tick),
        market.month(symbol, tick),
        market.volume(symbol, tick),
        market.day_bar(symbol, number, tick),
        [market.quote(OptionSymbol(symbol, date(2026, 9, 18), right, strike).occ, tick) for right in Right
         for strike in market.chain(symbol, 0)[0].strikes[:1]] if market.chain(symbol, 0) else None,
    )  # fmt: skip
