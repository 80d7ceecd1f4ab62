"""The words of a day's summary."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from senex.domain.calendar import Calendar, Session
from senex.domain.orders import Origin
from senex.domain.positions import Position, PositionStatus
from senex.domain.suggestions import ExitPlan
from senex.domain.summary import Summary, ahead
from senex.domain.unknown import Unknown

D = Decimal
OPENED = datetime(2026, 2, 2, 15, 0, tzinfo=UTC)
CALENDAR = Calendar(
    tuple(
        Session(day, OPENED, OPENED)
        for day in (date(2026, 1, 2) + timedelta(days=count) for count in range(300))
        if day.weekday() < 5 and day != date(2026, 4, 3)
    )
)
_QUIET = Summary(
    day=date(2026, 3, 4),
    realised=D("-12.5"),
    fees=D("7.70"),
    net_liquidation=D(50_000),
    open_risk=D(190),
    budget=D(25_000),
    traded=(),
    next_exits=(),
    expirations=(),
    failures=(),
)
_STILL = replace(_QUIET, realised=D(0))


def test_a_day_without_anything_is_empty() -> None:
    assert _STILL.empty
    assert not replace(_STILL, failures=("ORDER_DOUBLED: two",)).empty
    assert not replace(_STILL, traded=("QQQ entry filled",)).empty
    assert not replace(_STILL, expirations=("QQQ: 17 Apr",)).empty
    assert not _QUIET.empty  # a loss by an expiry, without an order


def test_net_is_after_fees_and_unknown_without_them() -> None:
    assert _QUIET.net == D("-20.20")
    assert "Realised -$12.50, fees $7.70, net -$20.20" in _QUIET.text
    lacking = replace(_QUIET, fees=Unknown("not read"))
    assert isinstance(lacking.net, Unknown)
    assert "fees unknown (not read)" in lacking.text


def test_what_is_listed_is_in_the_text() -> None:
    text = replace(_QUIET, traded=("QQQ entry filled at 4.05 credit",)).text
    assert "Traded:\n  · QQQ entry filled at 4.05 credit" in text
    assert "Wants you: none" in text


def position(number: int, expiry: date, *, managed: bool = True) -> Position:
    return Position(
        id=UUID(int=number),
        account_id=UUID(int=0),
        origin=Origin.STRATEGY,
        parent_id=None,
        suggestion_id=None,
        strategy="s",
        underlying="QQQ",
        expiry=expiry,
        units=1,
        status=PositionStatus.OPEN_FULL,
        initial_risk=None,
        tick=D("0.01"),
        exit_plan=ExitPlan(time_exit_dte=7),
        spreads=(),
        created_at=OPENED,
        opened_at=OPENED,
        managed=managed,
    )


def test_what_is_ahead_comes_nearest_first() -> None:
    today = date(2026, 3, 4)
    held = [
        position(1, date(2026, 4, 17)),
        position(2, date(2026, 3, 6)),
        position(3, date(2026, 3, 13), managed=False),
        position(4, date(2026, 3, 2), managed=False),  # shares that an expiry left
    ]
    exits, expirations = ahead(held, today, last={one.id: one.expiry for one in held}, calendar=CALENDAR)
    assert [line.split(": ")[1] for line in exits] == [
        "the exit ladder has begun",
        "the exit ladder begins on 10 Apr",
    ]
    assert [line.split(": ")[1] for line in expirations] == [
        "06 Mar, 2 DTE",
        "13 Mar, 9 DTE",
        "17 Apr, 44 DTE",
    ]


@pytest.mark.parametrize(
    ("last", "begins"),
    [
        (date(2026, 4, 16), "begins on 09 Apr"),  # AM-settled, it trades until the day before it expires
        (
            date(2026, 4, 11),
            "begins on 06 Apr",
        ),  # counted back it is a Saturday, and the Friday before a holiday
        (date(2026, 3, 12), "begins on 05 Mar"),
        (date(2026, 3, 11), "has begun"),
        (
            date(2027, 3, 12),
            "begins on a day that is not known (the exchange calendar does not cover 2027-03-05)",
        ),
    ],
)
def test_an_exit_ladder_begins_with_a_session_and_counts_from_the_last_day_of_trading(
    last: date, begins: str
) -> None:
    one = position(1, date(2026, 4, 17))
    exits, _ = ahead([one], date(2026, 3, 4), last={one.id: last}, calendar=CALENDAR)
    assert exits == (f"{one.label}: the exit ladder {begins}",)
