"""The exit ladder, its prices, and the stop."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from senex.domain.calendar import NEW_YORK, Calendar, Session
from senex.domain.exits import (
    LAST_STEP,
    MOVES_TO_NATURAL,
    Dividend,
    ShortCall,
    Stop,
    dividend_threatens,
    ended,
    exit_price,
    in_regular_hours,
    ladder_begins,
    ladder_step,
    stop_of,
    worst_price,
)
from senex.domain.suggestions import ExitPlan, Pricing, SpreadPlan
from senex.domain.unknown import Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

D = Decimal
TICK = D("0.01")
GONE = Unknown("not quoted")
HOLIDAY = date(2026, 6, 19)
SPOT, MID, AMOUNT = D(105), D("5.30"), D("0.71")


def _sessions(first: date, last: date) -> Iterator[Session]:
    day = first
    while day <= last:
        if day.weekday() < 5 and day != HOLIDAY:
            yield Session(
                day,
                datetime.combine(day, time(9, 30), NEW_YORK).astimezone(UTC),
                datetime.combine(day, time(16), NEW_YORK).astimezone(UTC),
            )
        day += timedelta(days=1)


CALENDAR = Calendar(tuple(_sessions(date(2026, 5, 1), date(2026, 9, 1))))
PLAN = SpreadPlan("put_1", (), D(3), D("0.4"))


def step(today: date, expiry: date = date(2026, 7, 17), dte: int = 7) -> int | Unknown | None:
    return ladder_step(expiry=expiry, dte=dte, today=today, calendar=CALENDAR)


def test_a_friday_expiry_takes_every_step_over_the_weekend() -> None:
    assert step(date(2026, 7, 9)) is None
    taken = [step(date(2026, 7, day)) for day in (10, 11, 12, 13, 14, 15, 16, 17)]
    assert taken == [0, None, None, 1, 2, 3, 4, 4]


def test_a_ladder_that_begins_on_a_day_without_session_starts_at_the_next_one() -> None:
    # expiry on Friday 26 June: seven days before is the holiday of 19 June
    assert [step(date(2026, 6, day), date(2026, 6, 26)) for day in (18, 19, 22, 23)] == [None, None, 0, 1]


def test_a_day_outside_the_calendar_is_unknown() -> None:
    assert isinstance(step(date(2026, 12, 1), date(2026, 12, 4)), Unknown)
    assert isinstance(step(date(2026, 5, 1), date(2026, 5, 2), dte=30), Unknown)


@pytest.mark.parametrize(
    ("credit", "caps"),
    [
        ("1.50", ["-1.50", "-2.55", "-2.70", "-2.85", "-3.00", "-3.00"]),
        ("-1.50", ["1.50", "0.45", "0.30", "0.15", "0.01", "0.01"]),
        ("3.20", ["-3.00"] * 6),
    ],
)
def test_the_caps_of_the_steps(credit: str, caps: list[str]) -> None:
    assert [worst_price(PLAN, D(credit), step=number, tick=TICK) for number in range(6)] == [
        D(c) for c in caps
    ]


def test_a_spread_without_width_has_no_cap() -> None:
    bare = SpreadPlan("straddle", (), D(0), None)
    assert worst_price(bare, D(9), step=0, tick=TICK) is None
    assert exit_price(_pricing("-9.20", "-9.40"), worst=None, moves=MOVES_TO_NATURAL, tick=TICK) == D("-9.40")


def _pricing(mid: str, natural: str) -> Pricing:
    return Pricing(D(natural), D(mid), 2 * D(mid) - D(natural), datetime(2026, 7, 10, tzinfo=UTC))


def test_the_limit_moves_from_mid_to_natural_and_stops_at_the_cap() -> None:
    prices = [exit_price(_pricing("-1.20", "-1.40"), worst=D("-1.33"), moves=n, tick=TICK) for n in range(6)]
    assert prices == [D(p) for p in ("-1.20", "-1.25", "-1.30", "-1.33", "-1.33", "-1.33")]


def test_a_price_of_nothing_is_one_tick_paid() -> None:
    assert exit_price(_pricing("0.00", "-0.00"), worst=D(-3), moves=0, tick=TICK) == -TICK


@given(
    credit=st.decimals(D("-5"), D("5"), places=2).filter(bool),
    mid=st.decimals(D("-6"), D("6"), places=2),
    half=st.decimals(D(0), D(1), places=2),
    number=st.integers(0, LAST_STEP),
    moves=st.integers(0, 8),
)
def test_no_step_pays_more_than_its_cap_or_the_width(
    credit: Decimal, mid: Decimal, half: Decimal, number: int, moves: int
) -> None:
    plan = SpreadPlan("x", (), D(5), None)
    worst = worst_price(plan, credit, step=number, tick=TICK)
    assert worst is not None
    limit = exit_price(
        Pricing(mid - half, mid, mid + half, datetime(2026, 7, 10, tzinfo=UTC)),
        worst=worst,
        moves=moves,
        tick=TICK,
    )
    assert limit >= min(worst, -TICK)
    assert limit >= -plan.width
    assert limit % TICK == 0
    assert limit != 0
    assert limit <= max(mid, worst)


@pytest.mark.parametrize(
    ("result", "expected"),
    [("-99", Stop.NONE), ("-100", Stop.ALERT), ("-150", Stop.CLOSE), ("40", Stop.NONE)],
)
def test_stops_are_shares_of_the_maximum_loss(result: str, expected: Stop) -> None:
    assert stop_of(ExitPlan(7), max_loss=D(200), result=D(result)) is expected


def test_an_unknown_result_or_risk_stops_nothing_and_says_so() -> None:
    assert stop_of(ExitPlan(7), max_loss=D(200), result=GONE) is GONE
    assert isinstance(stop_of(ExitPlan(7), max_loss=None, result=D(-1)), Unknown)
    assert isinstance(stop_of(ExitPlan(7), max_loss=D(0), result=D(-1)), Unknown)


def _threat(
    *,
    now: datetime = datetime(2026, 6, 18, 15, tzinfo=UTC),
    spot: Decimal | Unknown = SPOT,
    mid: Decimal | Unknown = MID,
    ex_date: date = date(2026, 6, 22),
    amount: Decimal | Unknown = AMOUNT,
) -> bool | Unknown:
    call = ShortCall("QQQ", D(100), mid)
    return dividend_threatens(call, spot=spot, dividend=Dividend(ex_date, amount), now=now, calendar=CALENDAR)


def test_a_short_call_in_the_money_is_threatened_in_the_session_before_the_ex_date() -> None:
    assert _threat() is True  # Thursday; Friday 19 June is a holiday
    assert _threat(now=datetime(2026, 6, 17, 15, tzinfo=UTC)) is False
    assert _threat(mid=D("5.80")) is False
    assert _threat(spot=D(99)) is False
    assert _threat(ex_date=date(2026, 1, 5)) is False  # before all the calendar knows
    assert _threat(amount=GONE) is GONE
    assert _threat(mid=GONE) is GONE
    assert _threat(spot=GONE) is GONE


def test_exits_work_in_regular_hours_only() -> None:
    session = CALENDAR.session_on(date(2026, 6, 18))
    assert isinstance(session, Session)
    assert in_regular_hours(session, session.opens)
    assert not in_regular_hours(session, session.closes)
    assert not in_regular_hours(None, session.opens)
    assert not in_regular_hours(GONE, session.opens)


def test_a_contract_has_ended_once_it_stops_trading_or_its_day_is_over() -> None:
    put, day = "QQQ   260417P00500000", datetime(2026, 4, 17, 16, 15, tzinfo=NEW_YORK)
    assert ended(["QQQ", put], {put: day}, day - timedelta(seconds=1)) is None
    assert ended(["QQQ", put], {put: day}, day) == put
    assert ended([put], {}, day.replace(hour=23)) is None
    assert ended([put], {put: None}, day + timedelta(days=1)) == put


@given(st.dates(date(2026, 6, 1), date(2026, 8, 20)), st.integers(0, 21))
def test_a_ladder_begins_on_the_day_of_its_first_step(last: date, dte: int) -> None:
    begins = ladder_begins(last=last, dte=dte, calendar=CALENDAR)
    assert isinstance(begins, date)
    assert step(begins, last, dte) == 0
    before = (last - timedelta(days=dte + back) for back in range(1, 5))
    assert all(step(day, last, dte) is None for day in before)
