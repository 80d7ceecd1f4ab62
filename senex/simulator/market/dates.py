"""Days by rule: the n-th weekday of a month, the trading day before a holiday, expirations."""

from __future__ import annotations

from datetime import date, timedelta

from senex.simulator.market.holidays import CLOSED

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY = range(6)
LAST_WEEK = -1
QUARTERS = (3, 6, 9, 12)
_DECEMBER = 12
_DAY = timedelta(days=1)


def trades(day: date) -> bool:
    """Whether the exchange has a session on a day."""
    return day.weekday() < SATURDAY and day not in CLOSED


def on_or_before(day: date) -> date:
    """The last trading day not after ``day``."""
    while not trades(day):
        day -= _DAY
    return day


def on_or_after(day: date) -> date:
    """The first trading day not before ``day``."""
    while not trades(day):
        day += _DAY
    return day


def business_days_before(day: date, count: int) -> date:
    """The trading day ``count`` sessions before ``day``."""
    for _ in range(count):
        day = on_or_before(day - _DAY)
    return day


def nth_weekday(year: int, month: int, weekday: int, nth: int) -> date:
    """The n-th (1 to 4, or LAST_WEEK) of a weekday in a month."""
    if nth == LAST_WEEK:
        last = month_end(year, month)
        return last - timedelta(days=(last.weekday() - weekday) % 7)
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))


def month_end(year: int, month: int) -> date:
    """The last calendar day of a month."""
    return date(year + month // _DECEMBER, month % _DECEMBER + 1, 1) - _DAY


def third_friday(year: int, month: int) -> date:
    """The third Friday: when monthly options expire, or on the trading day before it."""
    return nth_weekday(year, month, FRIDAY, 3)


def months_from(day: date, count: int) -> list[tuple[int, int]]:
    """The year and month of a day and of the ``count`` - 1 months after it."""
    first = day.year * _DECEMBER + day.month - 1
    return [(number // _DECEMBER, number % _DECEMBER + 1) for number in range(first, first + count)]


def first_of(year: int, month: int) -> date:
    """The first of a month; months count on beyond either end of the year."""
    return date(year + (month - 1) // _DECEMBER, (month - 1) % _DECEMBER + 1, 1)


def nth_last(year: int, month: int, nth: int) -> date:
    """The n-th last trading day of a month."""
    return business_days_before(first_of(year, month + 1), nth)
