"""Symbols, money, legs, quotes and the calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from senex.domain.calendar import NEW_YORK, Calendar, new_york_date
from senex.domain.errors import Refused, UsageProblem
from senex.domain.legs import Action, InstrumentType, Leg, merge
from senex.domain.money import PriceEffect, ceil_to_tick, cents, effect_of, floor_to_tick, on_tick
from senex.domain.quotes import Market, Quote
from senex.domain.symbols import OptionSymbol, Right, underlying_symbol
from senex.domain.unknown import Unknown
from senex.testing.market import NOW, calendar, expiration, quote

D = Decimal


# symbols


def test_one_contract_in_both_notations() -> None:
    symbol = OptionSymbol("SPY", date(2026, 1, 16), Right.CALL, D("500.5"))
    assert symbol.occ == "SPY   260116C00500500"
    assert symbol.streamer == ".SPY260116C500.5"
    assert OptionSymbol.from_occ(symbol.occ) == symbol
    assert OptionSymbol.from_streamer(symbol.streamer) == symbol


@given(
    st.from_regex(r"[A-Z]{1,6}", fullmatch=True),
    st.dates(date(2025, 1, 1), date(2060, 12, 31)),
    st.sampled_from(Right),
    st.integers(1, 99_999_999),
)
def test_symbols_survive_the_round_trip(root: str, day: date, right: Right, thousandths: int) -> None:
    symbol = OptionSymbol(root, day, right, D(thousandths) / 1000)
    assert OptionSymbol.from_occ(symbol.occ) == symbol
    assert OptionSymbol.from_streamer(symbol.streamer) == symbol


@pytest.mark.parametrize(
    "text", ["", "QQQ", "QQQ   261316P00500000", "QQQ 260116P00500000", "QQQ   260116X00500000"]
)
def test_what_is_no_occ_symbol(text: str) -> None:
    with pytest.raises(UsageProblem) as problem:
        OptionSymbol.from_occ(text)
    assert problem.value.code == "E_SYMBOL"
    assert str(problem.value).endswith("[E_SYMBOL]")


@pytest.mark.parametrize("text", ["QQQ", ".QQQ260230P500", ".QQQ260116P"])
def test_what_is_no_streamer_symbol(text: str) -> None:
    with pytest.raises(UsageProblem):
        OptionSymbol.from_streamer(text)


def test_underlyings_are_normalised_or_refused() -> None:
    assert underlying_symbol(" brk/b ") == "BRK/B"
    for wrong in ("", "QQQ;", "1X", "A" * 11):
        with pytest.raises(UsageProblem):
            underlying_symbol(wrong)


# money


@pytest.mark.parametrize(
    ("price", "effect"),
    [("0.01", PriceEffect.CREDIT), ("-0.01", PriceEffect.DEBIT), ("0.00", PriceEffect.NONE)],
)
def test_effect(price: str, effect: PriceEffect) -> None:
    assert effect_of(D(price)) is effect


def test_cents_round_half_up() -> None:
    assert [cents(D(each)) for each in ("1.005", "1.0049", "-1.005")] == [D("1.01"), D("1.00"), D("-1.01")]


@given(st.decimals(-1000, 1000, places=4), st.sampled_from([D("0.01"), D("0.05"), D("0.10")]))
def test_ticks_enclose_the_price(price: D, tick: D) -> None:
    low, high = floor_to_tick(price, tick), ceil_to_tick(price, tick)
    assert low <= price <= high
    assert on_tick(low, tick)
    assert on_tick(high, tick)
    assert high - low == (0 if on_tick(price, tick) else tick)


# legs


@pytest.mark.parametrize(
    ("action", "sign", "opens"),
    [
        (Action.BUY_TO_OPEN, 1, True),
        (Action.SELL_TO_OPEN, -1, True),
        (Action.BUY_TO_CLOSE, 1, False),
        (Action.SELL_TO_CLOSE, -1, False),
    ],
)
def test_actions(action: Action, sign: int, opens: bool) -> None:
    assert (action.sign, action.opens) == (sign, opens)
    assert Leg("QQQ", action, 3).signed_quantity == 3 * sign


def test_closing_undoes_opening() -> None:
    assert Action.BUY_TO_OPEN.closing is Action.SELL_TO_CLOSE
    assert Action.SELL_TO_OPEN.closing is Action.BUY_TO_CLOSE
    assert Leg("QQQ", Action.SELL_TO_OPEN, 2).closed() == Leg("QQQ", Action.BUY_TO_CLOSE, 2)


def test_merge_sums_the_same_symbol_and_action_only() -> None:
    sold, bought = Leg("A", Action.SELL_TO_OPEN, 1), Leg("A", Action.BUY_TO_OPEN, 1)
    assert merge([sold, bought, sold.times(2)]) == (sold.times(3), bought)


def test_multipliers() -> None:
    assert (InstrumentType.EQUITY.multiplier, InstrumentType.EQUITY_OPTION.multiplier) == (1, 100)


# quotes


@pytest.mark.parametrize(
    ("bid", "ask", "problem"),
    [
        ("1.00", "1.02", None),
        ("0", "0.05", None),
        ("1.00", "1.00", None),
        (None, "1.02", "one side"),
        ("1.00", None, "one side"),
        ("-0.01", "1.02", "negative or zero"),
        ("0", "0", "negative or zero"),
        ("1.03", "1.02", "crossed"),
    ],
)
def test_what_a_quote_is_good_for(bid: str | None, ask: str | None, problem: str | None) -> None:
    low, high = (None if side is None else D(side) for side in (bid, ask))
    found = Quote("X", low, high, None, None, 1, NOW)
    if problem is None:
        assert found.problem is None
        assert found.mid == (D(bid or 0) + D(ask or 0)) / 2
    else:
        assert problem in (found.problem or "")
        assert found.mid == Unknown(found.problem or "")


def test_age_counts_from_the_later_of_quote_and_pulse() -> None:
    old = quote("X", "1", "2", NOW - timedelta(seconds=50))
    assert Market({"X": old}).age("X", NOW) == timedelta(seconds=50)
    assert Market({"X": old}, NOW - timedelta(seconds=3)).age("X", NOW) == timedelta(seconds=3)
    assert Market({"X": old}, NOW - timedelta(seconds=90)).age("X", NOW) == timedelta(seconds=50)
    assert Market({"X": quote("X", "1", "2", NOW + timedelta(seconds=1))}).age("X", NOW) == timedelta(0)
    assert isinstance(Market().age("X", NOW), Unknown)


# calendar


def test_dates_are_new_yorks() -> None:
    assert new_york_date(datetime(2026, 3, 5, 3, 0, tzinfo=UTC)) == date(2026, 3, 4)


def test_open_from_the_bell_to_the_bell() -> None:
    known = calendar()
    day = date(2026, 3, 4)
    for clock, expected in (
        (time(9, 29, 59), False),
        (time(9, 30), True),
        (time(15, 59), True),
        (time(16, 0), False),
    ):
        assert known.is_open(datetime.combine(day, clock, NEW_YORK)) is expected
    assert known.is_open(datetime(2026, 3, 7, 12, 0, tzinfo=NEW_YORK)) is False
    assert isinstance(Calendar(()).is_open(NOW), Unknown)


def test_neighbouring_sessions() -> None:
    known = calendar()
    monday, friday = date(2026, 3, 9), date(2026, 3, 6)
    before = known.previous(monday)
    assert before is not None
    assert before.day == friday
    assert known.previous(known.sessions[0].day) is None
    assert known.sessions_until(friday, monday) == 1
    assert known.sessions_until(friday, friday) == 0
    assert known.sessions_until(monday, friday) == 0
    assert known.sessions_until(date(2026, 3, 2), friday) == 4


def test_an_expiration_finds_its_strikes() -> None:
    listed = expiration(date(2026, 4, 17), [500, 501])
    found = listed.strike(D(501))
    assert found is not None
    assert found.put.occ == "QQQ   260417P00501000"
    assert listed.strike(D(502)) is None
    assert listed.dte(date(2026, 3, 4)) == 44


def test_a_refusal_carries_its_reasons() -> None:
    refusal = Refused("E_RISK", "Refused: a; b.", reasons=("a", "b"))
    assert (refusal.exit_code, refusal.reasons, refusal.message) == (4, ("a", "b"), "Refused: a; b.")
