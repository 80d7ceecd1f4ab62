"""When jobs run: slots in New York time, told from rules and the exchange calendar.

Each slot is one aware instant, so a job that keys its runs by slot runs once
in each, on nights when the clocks change too: a wall time that does not exist
runs at the change, one that comes twice runs the first time, and intervals
inside a window are real time.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from senex.domain.calendar import NEW_YORK, Session, new_york_date
from senex.domain.unknown import Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from senex.domain.calendar import Calendar

HORIZON_DAYS = 14
_SATURDAY = 5


class Days(StrEnum):
    """On which New York dates a rule applies."""

    EVERY = "every"
    WEEKDAYS = "weekdays"
    SESSIONS = "sessions"


@dataclass(frozen=True, slots=True)
class Window:
    """From ``start`` to ``end``, both included, in New York wall time of one date."""

    start: time
    end: time


@dataclass(frozen=True, slots=True)
class Every:
    """A slot every ``minutes`` from each window's start.

    With ``in_session`` (only with ``Days.SESSIONS``) slots outside the regular
    session of the day are left out, so a half day ends early.
    """

    minutes: int
    windows: tuple[Window, ...]
    days: Days = Days.SESSIONS
    in_session: bool = False


@dataclass(frozen=True, slots=True)
class Daily:
    """One slot a day at a New York wall time."""

    at: time
    days: Days = Days.WEEKDAYS


Rule = Every | Daily


@dataclass(frozen=True, slots=True)
class Slot:
    """A moment at which a job is due; ``key`` is its name for ever."""

    job: str
    at: datetime

    @property
    def key(self) -> str:
        """``monitor_orders@2026-03-04T15:00:00+00:00``: unique per job and slot."""
        return f"{self.job}@{self.at.astimezone(UTC).isoformat()}"


def next_slot(rule: Rule, after: datetime, calendar: Calendar) -> datetime | Unknown:
    """The first slot later than ``after``, UTC.

    Unknown when a day's sessions are not in the calendar, or no slot comes in a
    fortnight.
    """
    day = new_york_date(after)
    for ahead in range(HORIZON_DAYS + 1):
        slots = _slots_on(rule, day + timedelta(days=ahead), calendar)
        if isinstance(slots, Unknown):
            return slots
        place = bisect_right(slots, after)
        if place < len(slots):
            return slots[place]
    return Unknown(f"no slot within {HORIZON_DAYS} days after {after.isoformat()}")


def slots_between(
    rule: Rule, after: datetime, until: datetime, calendar: Calendar
) -> tuple[datetime, ...] | Unknown:
    """Every slot later than ``after`` and not later than ``until``, ascending, UTC.

    What a scheduler that slept owes. Unknown as ``next_slot``'s days.
    """
    found: list[datetime] = []
    day, last = new_york_date(after), new_york_date(until)
    while day <= last:
        slots = _slots_on(rule, day, calendar)
        if isinstance(slots, Unknown):
            return slots
        found += slots[bisect_right(slots, after) : bisect_right(slots, until)]
        day += timedelta(days=1)
    return tuple(found)


def _slots_on(rule: Rule, day: date, calendar: Calendar) -> tuple[datetime, ...] | Unknown:
    """The slots of one New York date, ascending."""
    if rule.days is Days.SESSIONS:
        session = calendar.session_on(day)
        if session is None or isinstance(session, Unknown):
            return () if session is None else session
        return _slots(rule, day, session)
    if rule.days is Days.WEEKDAYS and day.weekday() >= _SATURDAY:
        return ()
    return _slots(rule, day, None)


@lru_cache(maxsize=256)  # a scheduler asks for the same days each second
def _slots(rule: Rule, day: date, session: Session | None) -> tuple[datetime, ...]:
    if isinstance(rule, Daily):
        return (_instant(day, rule.at),)
    slots = sorted({slot for window in rule.windows for slot in _steps(day, window, rule.minutes)})
    if session is None or not rule.in_session:
        return tuple(slots)
    return tuple(slot for slot in slots if session.opens <= slot < session.closes)


def _steps(day: date, window: Window, minutes: int) -> Iterator[datetime]:
    slot, end = _instant(day, window.start), _instant(day, window.end)
    while slot <= end:
        yield slot
        slot += timedelta(minutes=minutes)


def _instant(day: date, at: time) -> datetime:
    """The UTC instant of a New York wall time; one that is skipped becomes the moment of the change."""
    wall = datetime.combine(day, at, NEW_YORK)
    instant = wall.astimezone(UTC)
    if instant.astimezone(NEW_YORK).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return instant
    return instant.replace(minute=0, second=0, microsecond=0)  # clocks change on the hour
