"""Futures and their options: the calendar against the SDK's own rules, symbols there and back, fair prices."""

from __future__ import annotations

import math
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
import QuantLib  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st
from tastytrade.utils import (
    get_future_fx_monthly,
    get_future_index_monthly,
    get_future_metal_monthly,
    get_future_oil_monthly,
    get_future_treasury_monthly,
)

from senex.domain.symbols import Right
from senex.simulator.market.dates import trades
from senex.simulator.market.derived import trade_date
from senex.simulator.market.futureoptions import (
    FUTURE_OPTION_PRODUCTS,
    FutureOption,
    future_option,
    future_option_expirations,
    future_option_of_streamer,
    strikes,
)
from senex.simulator.market.futures import (
    FUTURE_PRODUCTS,
    active_contracts,
    future_contract,
    future_contracts,
    future_of_streamer,
    rests,
)
from senex.simulator.market.market import Market
from senex.simulator.market.profiles import Scenario
from senex.simulator.market.sessions import new_york
from senex.simulator.market.surface import RATE

if TYPE_CHECKING:
    from collections.abc import Callable

DAYS = st.dates(date(2025, 3, 1), date(2030, 1, 1))
CODES = st.sampled_from(sorted(FUTURE_PRODUCTS))
MARKET = Market(seed=7, scenario=Scenario.CALM, start=new_york(date(2026, 6, 2), 10))


@pytest.mark.parametrize(
    ("root", "rule"),
    [
        ("LO", get_future_oil_monthly),
        ("OG", get_future_metal_monthly),
        ("SO", get_future_metal_monthly),
        ("OZN", get_future_treasury_monthly),
        ("EUU", get_future_fx_monthly),
        ("EW", get_future_index_monthly),
    ],
)
def test_options_end_when_the_sdk_says(root: str, rule: Callable[[date], date]) -> None:
    product = FUTURE_OPTION_PRODUCTS[root]
    for month in range(1, 13):
        expected = rule(date(2026, month, 10))
        if trades(expected):
            assert product.last_day(2026, month) == expected


@given(code=CODES, day=DAYS)
def test_contracts_are_found_by_both_symbols_and_end_in_order(code: str, day: date) -> None:
    known = future_contracts(code, day)

    assert all(one.expiry >= day and trades(one.expiry) for one in known)
    assert sorted(known, key=lambda one: one.expiry) == list(known)
    assert all(future_contract(one.symbol, day) == one for one in known)
    assert all(future_of_streamer(one.streamer, day) == one for one in known)
    active, following = active_contracts(code, day)
    assert day < active.expiry < following.expiry


@given(code=CODES, day=DAYS, right=st.sampled_from(Right), count=st.integers(0, 40))
def test_options_are_found_by_both_symbols_and_end_before_their_future(
    code: str, day: date, right: Right, count: int
) -> None:
    for expiration in future_option_expirations(code, day):
        known = strikes(expiration.product, 3.0 if code in {"6E", "NG"} else 60.0)
        option = FutureOption(expiration, right, known[count % len(known)])

        assert future_option(option.symbol, day) == option
        assert future_option_of_streamer(option.streamer, day) == option
        assert day <= expiration.expiry <= expiration.future.expiry


@given(tick=st.integers(0, 4 * 86_400 * 30), code=CODES)
def test_quotes_stand_on_the_tick_and_near_the_price(tick: int, code: str) -> None:
    instant = MARKET.instant(tick)
    for contract in future_contracts(code, MARKET.day(tick))[:2]:
        quote = MARKET.quote(contract.symbol, tick)
        assert quote is not None
        assert quote.ask_price - quote.bid_price == quote.unit == contract.product.tick
        assert math.isclose(
            float(quote.mid), MARKET.derived.price(contract.symbol, instant), abs_tol=float(quote.unit)
        )
        opened, high, low, last = MARKET.derived.day(contract.symbol, instant)
        assert low <= min(opened, last) <= max(opened, last) <= high


@given(tick=st.integers(0, 4 * 86_400 * 10), code=st.sampled_from(["CL", "GC", "ES", "ZN", "6E"]))
def test_calls_and_puts_on_a_future_are_in_parity(tick: int, code: str) -> None:
    instant, day = MARKET.instant(tick), MARKET.day(tick)
    for expiration in future_option_expirations(code, day)[1:3]:
        future = MARKET.derived.price(expiration.future.symbol, instant)
        strike = strikes(expiration.product, future)[20]
        call, put = (
            MARKET.derived.theory(FutureOption(expiration, right, strike), instant).greeks.price
            for right in (Right.CALL, Right.PUT)
        )
        years = (expiration.expires_at - instant).total_seconds() / (365 * 86400)
        forward = (future - float(strike)) * math.exp(-RATE * years)
        option = FutureOption(expiration, Right.CALL, strike)
        opened, high, low, last = MARKET.derived.day(option.symbol, instant)
        assert low <= min(opened, last) <= max(opened, last) <= high
        assert math.isclose(last, call, abs_tol=float(expiration.product.tick))
        assert math.isclose(call - put, forward, abs_tol=1e-9)


def test_values_of_options_on_futures_are_black_s() -> None:
    instant = MARKET.instant(0)
    for code in ("CL", "GC", "ES", "6E"):
        for expiration in future_option_expirations(code, MARKET.day(0)):
            future = MARKET.derived.price(expiration.future.symbol, instant)
            for strike in strikes(expiration.product, future)[::8]:
                theory = MARKET.derived.theory(FutureOption(expiration, Right.PUT, strike), instant)
                deviation = theory.volatility * math.sqrt(theory.years)
                discount = math.exp(-RATE * theory.years)
                expected = QuantLib.blackFormula(
                    QuantLib.Option.Put, float(strike), future, deviation, discount
                )

                assert math.isclose(theory.greeks.price, expected, rel_tol=1e-9, abs_tol=1e-9)


def test_a_future_on_an_index_is_the_index_carried_to_its_end() -> None:
    instant = MARKET.instant(0)
    near, far = future_contracts("ES", MARKET.day(0))[:2]
    spot = MARKET.spot("SPX", 0)

    assert (
        spot
        < MARKET.derived.price(near.symbol, instant)
        < MARKET.derived.price(far.symbol, instant)
        < 1.03 * spot
    )


def test_futures_rest_at_weekends_and_on_three_holidays() -> None:
    days = [date(2026, 1, 1) + timedelta(days=count) for count in range(365)]

    assert [day for day in days if rests(day) and day.weekday() < 5] == [
        date(2026, 1, 1),
        date(2026, 4, 3),
        date(2026, 12, 25),
    ]
    assert trade_date(new_york(date(2026, 6, 5), 17, 30)) == date(2026, 6, 5)  # Friday evening
    assert trade_date(new_york(date(2026, 6, 7), 18)) == date(2026, 6, 8)  # Sunday evening is Monday's


def test_a_coin_moves_at_night_too() -> None:
    night = new_york(date(2026, 6, 7), 3)
    prices = {MARKET.derived.price("BTC/USD", night + timedelta(minutes=count)) for count in range(10)}

    assert len(prices) == 10
    assert MARKET.quote("BTC/USD", 0) is not None
    assert MARKET.derived.settled("BTC/USD", night) != Decimal(0)
