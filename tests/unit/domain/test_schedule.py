"""Slots in New York time: sessions, half days, and both nights the clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from senex.domain.calendar import NEW_YORK, Calendar
from senex.domain.schedule import Daily, Days, Every, Rule, Slot, Window, next_slot, slots_between
from senex.domain.unknown import Unknown
from senex.testing.market import HALF_DAY, calendar

SPRING, AUTUMN = date(2026, 3, 8), date(2026, 11, 1)
CALENDAR = calendar(first=date(2026, 1, 1), last=date(2026, 12, 31))
ALL_DAY = Window(time(0, 0), time(23, 59))
CYCLE = Every(5, (Window(time(10, 0), time(14, 55)),))


def ny(day: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute, second), NEW_YORK).astimezone(UTC)


def slots(rule: Rule, day: date, days: int = 1) -> tuple[datetime, ...]:
    found = slots_between(
        rule,
        ny(day, 0) - timedelta(microseconds=1),
        ny(day + timedelta(days=days), 0) - timedelta(microseconds=1),
        CALENDAR,
    )
    assert not isinstance(found, Unknown)
    return found


def test_the_automated_cycle_has_sixty_runs() -> None:
    found = slots(CYCLE, date(2026, 3, 4))
    assert len(found) == 60
    assert (found[0], found[-1]) == (ny(date(2026, 3, 4), 10), ny(date(2026, 3, 4), 14, 55))


def test_a_slot_is_later_than_after() -> None:
    ten = ny(date(2026, 3, 4), 10)
    assert next_slot(CYCLE, ten - timedelta(microseconds=1), CALENDAR) == ten
    assert next_slot(CYCLE, ten, CALENDAR) == ten + timedelta(minutes=5)


def test_owed_slots_exclude_the_start_and_include_the_end() -> None:
    ten = ny(date(2026, 3, 4), 10)
    five = timedelta(minutes=5)
    assert slots_between(CYCLE, ten, ten + 2 * five, CALENDAR) == (ten + five, ten + 2 * five)
    assert slots_between(CYCLE, ten, ten, CALENDAR) == ()


def test_after_the_last_slot_comes_the_next_session() -> None:
    friday = date(2026, 3, 6)
    assert next_slot(CYCLE, ny(friday, 14, 55), CALENDAR) == ny(date(2026, 3, 9), 10)


def test_sessions_and_weekdays_differ_on_holidays() -> None:
    closed = date(2026, 3, 4)
    known = Calendar(tuple(each for each in CALENDAR.sessions if each.day != closed))
    noon = ny(date(2026, 3, 3), 23)
    assert next_slot(Daily(time(16, 30), Days.WEEKDAYS), noon, known) == ny(closed, 16, 30)
    assert next_slot(Daily(time(16, 30), Days.SESSIONS), noon, known) == ny(date(2026, 3, 5), 16, 30)
    assert next_slot(Daily(time(2, 0), Days.EVERY), ny(date(2026, 3, 6), 3), known) == ny(date(2026, 3, 7), 2)
    assert next_slot(Daily(time(2, 0)), ny(date(2026, 3, 6), 3), known) == ny(date(2026, 3, 9), 2)


def test_a_half_day_ends_early() -> None:
    rule = Every(10, (Window(time(9, 35), time(15, 55)),), in_session=True)
    whole = slots(rule, date(2026, 11, 25))
    half = slots(rule, HALF_DAY)
    assert (len(whole), whole[-1]) == (39, ny(date(2026, 11, 25), 15, 55))
    assert (len(half), half[-1]) == (21, ny(HALF_DAY, 12, 55))
    free = slots(replace_in_session(rule), HALF_DAY)
    assert len(free) == 39


def replace_in_session(rule: Every) -> Every:
    return Every(rule.minutes, rule.windows, rule.days, in_session=False)


def test_the_closing_bell_is_outside() -> None:
    rule = Every(30, (Window(time(9, 0), time(16, 0)),), in_session=True)
    found = slots(rule, date(2026, 3, 4))
    assert (found[0], found[-1]) == (ny(date(2026, 3, 4), 9, 30), ny(date(2026, 3, 4), 15, 30))


def test_in_session_means_nothing_on_days_that_are_no_sessions() -> None:
    rule = Every(60, (Window(time(9, 0), time(11, 0)),), Days.EVERY, in_session=True)
    assert len(slots(rule, date(2026, 3, 7))) == 3


@pytest.mark.parametrize(("minute", "expected"), [(0, 7), (30, 7), (59, 7)])
def test_a_wall_time_that_is_skipped_runs_at_the_change(minute: int, expected: int) -> None:
    found = slots(Daily(time(2, minute), Days.EVERY), SPRING)
    assert found == (datetime(2026, 3, 8, expected, 0, tzinfo=UTC),)


def test_a_wall_time_that_comes_twice_runs_once() -> None:
    found = slots(Daily(time(1, 30), Days.EVERY), AUTUMN)
    assert found == (datetime(2026, 11, 1, 5, 30, tzinfo=UTC),)


def test_intervals_are_real_time_on_both_nights() -> None:
    rule = Every(30, (ALL_DAY,), Days.EVERY)
    for day, count in ((SPRING, 46), (AUTUMN, 50), (date(2026, 3, 4), 48)):
        found = slots(rule, day)
        assert len(found) == count
        assert {b - a for a, b in pairwise(found)} == {timedelta(minutes=30)}


def test_the_market_opens_at_another_utc_hour_after_the_change() -> None:
    rule = Daily(time(9, 35), Days.SESSIONS)
    friday, monday = slots(rule, date(2026, 3, 6)), slots(rule, date(2026, 3, 9))
    assert (friday[0].hour, monday[0].hour) == (14, 13)


def test_overlapping_windows_make_one_slot_each() -> None:
    rule = Every(30, (Window(time(9, 0), time(10, 0)), Window(time(9, 30), time(11, 0))), Days.EVERY)
    assert len(slots(rule, date(2026, 3, 4))) == 5


def test_no_calendar_no_slot() -> None:
    late = ny(date(2026, 12, 31), 15)
    answer = next_slot(CYCLE, late, CALENDAR)
    assert answer == Unknown("the exchange calendar does not cover 2027-01-01")
    assert isinstance(slots_between(CYCLE, late, late + timedelta(days=1), CALENDAR), Unknown)


def test_a_fortnight_without_a_slot_is_said() -> None:
    empty = Every(5, (Window(time(20, 0), time(21, 0)),), in_session=True)
    answer = next_slot(empty, ny(date(2026, 3, 4), 12), CALENDAR)
    assert isinstance(answer, Unknown)
    assert "14 days" in answer.why


def test_a_slot_has_one_name() -> None:
    at = datetime(2026, 3, 4, 10, 0, tzinfo=NEW_YORK)
    assert Slot("sync", at).key == "sync@2026-03-04T15:00:00+00:00"
    assert Slot("sync", at).key == Slot("sync", at.astimezone(UTC)).key


rules = st.one_of(
    st.builds(Daily, st.times(), st.sampled_from(Days)),
    st.builds(
        Every,
        st.integers(1, 180),
        st.lists(
            st.tuples(st.times(), st.times()).map(lambda pair: Window(*sorted(pair))), min_size=1, max_size=2
        ).map(tuple),
        st.sampled_from(Days),
        st.booleans(),
    ),
)
instants = st.integers(0, 268 * 86_400).map(
    lambda seconds: datetime(2026, 3, 5, tzinfo=UTC) + timedelta(seconds=seconds)
)


@given(rules, st.one_of(instants, st.sampled_from([ny(SPRING, 1, 59), ny(AUTUMN, 0, 59)])))
@settings(max_examples=60)
def test_walking_slot_by_slot_finds_each_once(rule: Rule, start: datetime) -> None:
    end = start + timedelta(days=2)
    owed = slots_between(rule, start, end, CALENDAR)
    assert not isinstance(owed, Unknown)
    assert list(owed) == sorted(set(owed))
    at = start
    for expected in owed[:200]:
        found = next_slot(rule, at, CALENDAR)
        assert found == expected
        at = expected
    if len(owed) <= 200:
        following = next_slot(rule, at, CALENDAR)
        assert isinstance(following, Unknown) or following > end


@given(st.times(), st.sampled_from([SPRING, AUTUMN, date(2026, 7, 4)]))
def test_a_daily_job_runs_once_on_every_date(at: time, day: date) -> None:
    found = slots(Daily(at, Days.EVERY), day - timedelta(days=1), 3)
    assert len(found) == 3
    assert [each.astimezone(NEW_YORK).date() for each in found] == [
        day - timedelta(days=1),
        day,
        day + timedelta(days=1),
    ]
