"""What is listed when: expirations, strikes, roots, splits, dividends, trading hours."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from senex.domain.symbols import OptionSymbol, Right
from senex.simulator.assembly import DEFAULT_START
from senex.simulator.market.contracts import Contract, contract
from senex.simulator.market.dates import on_or_before, third_friday, trades
from senex.simulator.market.market import Market
from senex.simulator.market.profiles import PROFILES, Scenario
from senex.simulator.market.sessions import new_york


@pytest.fixture(scope="module")
def market() -> Market:
    """A diffusion."""
    return Market(seed=19, scenario=Scenario.NORMAL, start=DEFAULT_START)


def parsed(occ: str) -> Contract:
    """A contract."""
    found = contract(occ)
    assert found is not None
    return found


def tick_on(market: Market, day: date) -> int:
    """Noon of a trading day."""
    return market.tick(new_york(day, 12))


def test_funds_expire_daily_stocks_weekly_all_monthly_for_a_year(market: Market) -> None:
    today = market.day(0)
    days = {symbol: [one.day for one in market.chain(symbol, 0)] for symbol in ("SPY", "AAPL", "SPLG")}
    soon = [today + timedelta(days=count) for count in range(14)]

    assert [day for day in days["SPY"] if day in soon] == [day for day in soon if trades(day)]
    assert [day for day in days["AAPL"] if day in soon] == [date(2026, 6, 5), date(2026, 6, 12)]
    assert not any(one.kind == "Weekly" for one in market.chain("SPLG", 0))
    for symbol in ("SPY", "AAPL"):
        monthly = [one.day for one in market.chain(symbol, 0) if one.monthly]
        assert monthly[0] == date(2026, 6, 18)  # the 19th is a holiday
        months = [on_or_before(third_friday(2026 + (m > 12), (m - 1) % 12 + 1)) for m in range(6, 19)]
        assert monthly[:13] == months
        assert monthly[-1] > today + timedelta(days=700)
    assert date(2026, 6, 30) in days["SPY"]


def test_strikes_are_a_dollar_near_the_money_and_wider_with_distance_and_time(market: Market) -> None:
    for symbol in ("SPY", "QQQ"):
        spot = Decimal(str(market.spot(symbol, 0)))
        for one in market.chain(symbol, 0):
            steps = {
                strike: after - strike for strike, after in zip(one.strikes, one.strikes[1:], strict=False)
            }
            near = {step for strike, step in steps.items() if abs(strike / spot - 1) < Decimal("0.08")}
            far = {step for strike, step in steps.items() if abs(strike / spot - 1) > Decimal("0.37")}
            assert near == ({1} if (one.day - market.day(0)).days <= 70 else {5})
            assert far == {10}


def test_a_listed_strike_stays_listed(market: Market) -> None:
    first = {(one.root, one.day): set(one.strikes) for one in market.chain("AAPL", 0)}
    for number in (3, 20, 45, 90):
        tick = market.tick(market.sessions[number].opens)
        now = {(one.root, one.day): set(one.strikes) for one in market.chain("AAPL", tick)}
        for key, strikes in first.items():
            if key[1] >= market.day(tick):
                assert strikes <= now[key]


def test_index_roots_settle_in_the_morning_or_the_evening(market: Market) -> None:
    chain = market.chain("SPX", 0)
    morning = [one for one in chain if one.root == "SPX"]

    assert {one.root for one in chain} == {"SPX", "SPXW"}
    assert {one.settlement for one in morning} == {"AM"}
    assert all(one.monthly for one in morning)
    assert morning[0].day in {one.day for one in chain if one.root == "SPXW"}
    assert {one.root for one in market.chain("XSP", 0)} == {"XSP"}
    assert market.chain("VIX", 0) == ()
    one = parsed("SPX   260618C05900000")
    assert (one.underlying, one.settlement, one.exercise_style, one.multiplier) == (
        "SPX",
        "AM",
        "European",
        100,
    )
    assert one.expires_at == new_york(date(2026, 6, 18), 9, 30)
    assert one.stops_trading_at == new_york(date(2026, 6, 17), 16, 15)
    evening = parsed("SPXW  260618C05900000")
    assert (evening.underlying, evening.settlement) == ("SPX", "PM")
    assert evening.stops_trading_at == evening.expires_at == new_york(date(2026, 6, 18), 16)
    number = market.sessions.number_of(date(2026, 6, 18))
    assert market.settlement("SPX", date(2026, 6, 18), "AM") == Decimal(
        str(market.day_bar("SPX", number, market.tick(market.sessions[number].closes))[0])
    )
    assert market.settlement("SPXW", date(2026, 6, 18)) == Decimal(str(market.close("SPX", number)))


@pytest.mark.parametrize(
    ("occ", "stops"),
    [
        ("QQQ   260717C00500000", (16, 15)),
        ("AAPL  260717C00230000", (16, 0)),
        ("SPY   261127C00600000", (13, 15)),
        ("AAPL  261127C00230000", (13, 0)),
    ],
)
def test_funds_trade_a_quarter_of_an_hour_longer(market: Market, occ: str, stops: tuple[int, int]) -> None:
    one = parsed(occ)
    assert one.stops_trading_at == new_york(one.option.expiry, *stops)
    last = market.tick(one.stops_trading_at)
    assert market.trades(occ, last - 1)
    assert not market.trades(occ, last)
    assert market.live_tick(one, last + 9999) == last


def test_options_move_while_they_trade_and_stand_still_at_night(market: Market) -> None:
    occ, stock = "SPY   260717P00600000", "AAPL  260717P00230000"
    close = market.tick(market.sessions[0].closes)
    marks = {market.quote(occ, close + 60 * minute * 4).mid for minute in range(16)}  # type: ignore[union-attr]
    night = {market.quote(occ, close + 3600 * hour * 4) for hour in range(1, 17)}

    assert len(marks) > 3
    assert len(night) == 1
    assert len({market.quote(stock, close + 60 * minute * 4) for minute in range(16)}) == 1


def test_prices_fall_by_the_dividend_when_the_day_begins(market: Market) -> None:
    dividend = next(one for one in market.dividends("SPY") if one.ex_date > market.day(0))
    before = market.tick(new_york(dividend.ex_date, 4)) - 1
    fall = market.spot("SPY", before) - market.spot("SPY", before + 1)

    assert dividend.ex_date < dividend.pay_date
    assert fall == pytest.approx(float(dividend.amount), abs=0.05)


def test_a_split_into_whole_shares_divides_strikes(market: Market) -> None:
    split = market.splits("NFLX")[0]
    before, after = (tick_on(market, day) for day in (split.day - timedelta(days=3), split.day))
    old = market.chain("NFLX", before)[-1]
    occ = OptionSymbol("NFLX", old.day, Right.CALL, old.strikes[len(old.strikes) // 2]).occ
    new, contracts = market.adjusted(occ, split)

    assert contracts == 4
    assert market.listed(occ, before) is not None
    assert market.listed(new, after) is not None
    assert market.spot("NFLX", after) == pytest.approx(market.spot("NFLX", before) / 4, rel=0.15)
    (one, other) = (market.option_theory(symbol, tick) for symbol, tick in ((occ, before), (new, after)))
    assert one is not None
    assert other is not None
    assert other.greeks.price * 4 == pytest.approx(one.greeks.price, rel=0.35)


def test_any_other_split_delivers_more_shares(market: Market) -> None:
    split = market.splits("V")[0]
    before = market.tick(market.sessions[market.sessions.number_of(split.day) - 1].closes)
    after = market.tick(market.sessions[market.sessions.number_of(split.day)].opens) + 4
    old = market.chain("V", before)[6]
    occ = OptionSymbol("V", old.day, Right.CALL, old.strikes[len(old.strikes) // 2]).occ
    new, contracts = market.adjusted(occ, split)

    assert (new[:2], contracts, parsed(new).shares, parsed(new).underlying) == ("V1", 1, 150, "V")
    assert market.listed(new, before) is None
    assert market.listed(new, after) is not None
    now, then = market.option_theory(new, after), market.option_theory(occ, before)
    assert now is not None
    assert then is not None
    moved = 1.5 * market.spot("V", after) - market.spot("V", before)
    assert now.greeks.price - then.greeks.price == pytest.approx(moved * then.greeks.delta, abs=3.0)
    assert now.greeks.delta == pytest.approx(1.5 * then.greeks.delta, abs=0.25)


def test_every_underlying_is_quoted_and_knows_its_events(market: Market) -> None:
    for symbol, profile in PROFILES.items():
        found = market.quote(symbol, 100)
        assert found is not None
        assert 0 < found.bid < found.ask
        assert found.bid <= round(100 * market.spot(symbol, 100)) <= found.ask
        assert profile.common**2 + profile.own**2 <= 1.0
        assert bool(market.earnings(symbol)) == (profile.kind == "equity")
    assert market.quote("NOPE", 0) is None
    assert market.underlying_of("SPXW  260618C05900000") == "SPX"
