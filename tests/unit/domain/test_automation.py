"""What a policy may decide, and when."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from senex.domain.automation import (
    AutomatedEntry,
    Automation,
    Turn,
    beyond,
    out_of_turn,
    read_words,
    standing,
)
from senex.domain.calendar import NEW_YORK, Calendar
from senex.domain.decisions import Outcome
from senex.domain.errors import UsageProblem
from senex.domain.orders import OrderStatus
from senex.testing import market

D = Decimal
NOW = market.NOW
_money = st.none() | st.decimals(D("0.01"), D(10**6), places=2)


@given(
    st.builds(
        Automation,
        enabled=st.booleans(),
        underlying=st.sampled_from(["QQQ", "SPY", "BRK/B"]),
        strategy=st.just("senex_trident"),
        repeat_until_filled=st.booleans(),
        max_loss=_money,
        min_score=st.none() | st.decimals(D("0.01"), 100, places=2),
    )
)
def test_what_a_decision_carries_reads_back(automation: Automation) -> None:
    assert read_words(automation.words, enabled=automation.enabled) == automation


@pytest.mark.parametrize(
    "words",
    [
        ("symbol=QQQ",),
        ("symbol=QQQ", "strategy="),
        ("symbol=", "strategy=x"),
        ("strategy=x",),
        ("symbol=QQQ", "strategy=x", "units=9"),
        ("symbol=QQQ", "strategy=x", "max_loss=0"),
        ("symbol=QQQ", "strategy=x", "max_loss=-1"),
        ("symbol=QQQ", "strategy=x", "max_loss=NaN"),
        ("symbol=QQQ", "strategy=x", "min_score=much"),
        ("symbol=QQQ", "strategy=x", "min_score=100.01"),
    ],
)
def test_what_makes_no_sense_is_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageProblem):
        read_words(words, enabled=True)


def test_what_was_stored_before_there_was_a_bound_can_be_switched_off() -> None:
    words = ("symbol=QQQ", "strategy=x", "min_score=500")
    assert read_words(words, enabled=False).min_score == D(500)
    with pytest.raises(UsageProblem):
        read_words(words, enabled=True)


def entry(**changes: Any) -> AutomatedEntry:
    values: dict[str, Any] = {
        "decision_id": UUID(int=1),
        "decided_at": NOW,
        "outcome": Outcome.DONE,
        "order_id": UUID(int=2),
        "status": OrderStatus.WORKING,
        "filled": 0,
        "cancel_requested": False,
    }
    return AutomatedEntry(**{**values, **changes})


@pytest.mark.parametrize(
    ("earlier", "turn"),
    [
        (None, Turn.FREE),
        (entry(outcome=Outcome.REFUSED, status=None), Turn.FREE),
        (entry(outcome=Outcome.FAILED, status=None), Turn.FREE),
        (entry(status=OrderStatus.CANCELLED), Turn.FREE),
        (entry(status=OrderStatus.REJECTED), Turn.FREE),
        (entry(status=OrderStatus.EXPIRED), Turn.FREE),
        (entry(status=OrderStatus.CANCELLED, filled=1), Turn.TAKEN),
        (entry(status=OrderStatus.FILLED, filled=6), Turn.TAKEN),
        (entry(status=OrderStatus.PARTIALLY_FILLED, filled=2, cancel_requested=True), Turn.TAKEN),
        (entry(outcome=None, status=None), Turn.TAKEN),
        (entry(status=OrderStatus.REPLACED), Turn.TAKEN),
        (entry(status=OrderStatus.UNKNOWN), Turn.TAKEN),
        (entry(), Turn.TAKEN),
        (entry(decided_at=NOW - timedelta(minutes=4)), Turn.TAKEN),
        (entry(decided_at=NOW - timedelta(minutes=5)), Turn.CANCEL),
        (entry(decided_at=NOW - timedelta(minutes=5), status=OrderStatus.INTENDED), Turn.CANCEL),
        (entry(decided_at=NOW - timedelta(minutes=9), cancel_requested=True), Turn.CANCELLING),
    ],
)
def test_one_automated_fill_a_day_and_what_may_still_fill_counts(
    earlier: AutomatedEntry | None, turn: Turn
) -> None:
    found = standing(earlier, NOW)
    assert found.turn is turn
    assert bool(found.why) is (turn is not Turn.FREE)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), NEW_YORK)


@pytest.mark.parametrize(
    ("now", "first", "may"),
    [
        (at(market.DAY, 10), True, True),
        (at(market.DAY, 10, 14), True, True),
        (at(market.DAY, 10, 15), True, False),
        (at(market.DAY, 9, 59), True, False),
        (at(market.DAY, 10, 15), False, True),
        (at(market.DAY, 14, 59), False, True),
        (at(market.DAY, 15), False, False),
        (at(market.HALF_DAY, 12, 55), False, True),
        (at(market.HALF_DAY, 13), False, False),
        (at(date(2026, 3, 7), 10), True, False),
    ],
)
def test_entries_belong_to_their_hours(now: datetime, first: bool, may: bool) -> None:
    assert (out_of_turn(now, market.calendar(), first=first) is None) is may


def test_without_a_calendar_nothing_is_entered() -> None:
    assert out_of_turn(NOW, Calendar(()), first=True) is not None


def test_the_operators_limits_hold() -> None:
    proposal: Any = SimpleNamespace(max_loss=D(190), score=D(55))
    free = Automation(enabled=True, underlying="QQQ", strategy="x")
    assert beyond(free, proposal) == ()
    tight = Automation(enabled=True, underlying="QQQ", strategy="x", max_loss=D(189), min_score=D(56))
    assert len(beyond(tight, proposal)) == 2
    exact = Automation(enabled=True, underlying="QQQ", strategy="x", max_loss=D(190), min_score=D(55))
    assert beyond(exact, proposal) == ()
