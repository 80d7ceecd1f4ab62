"""Exchange sessions and times: the real calendar, with half days and holidays."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from senex.simulator.market.holidays import CLOSED, FIRST, HALF, LAST

NEW_YORK = ZoneInfo("America/New_York")
TICK = timedelta(milliseconds=250)
_BEFORE = timedelta(days=420)
_AFTER = timedelta(days=800)
_SATURDAY = 5
EARLIEST, LATEST = FIRST + _BEFORE, LAST - timedelta(days=366)
"""Where a timeline may start: a year of history before, a year of market after."""


@dataclass(frozen=True, slots=True)
class Session:
    """One trading day; ``opens`` and ``closes`` bound its regular hours (UTC)."""

    day: date
    opens: datetime
    closes: datetime


def new_york_date(instant: datetime) -> date:
    """The New York date of an instant."""
    return instant.astimezone(NEW_YORK).date()


def new_york(day: date, hour: int, minute: int = 0) -> datetime:
    """A New York wall time as an instant in UTC."""
    return datetime.combine(day, time(hour, minute), tzinfo=NEW_YORK).astimezone(UTC)


def closing(day: date) -> datetime:
    """When regular hours end on a trading day."""
    return new_york(day, 13 if day in HALF else 16)


@lru_cache(maxsize=8)
def _schedule(first: date, last: date) -> tuple[Session, ...]:
    days = (first + timedelta(days=count) for count in range((last - first).days + 1))
    return tuple(
        Session(day, new_york(day, 9, 30), closing(day))
        for day in days
        if day.weekday() < _SATURDAY and day not in CLOSED
    )


class Sessions:
    """The sessions around a timeline's start, numbered from 0 at the first one not over by then."""

    def __init__(self, start: datetime) -> None:
        day = new_york_date(start)
        self._all = _schedule(max(FIRST, day - _BEFORE), min(LAST, day + _AFTER))
        self._closes = [session.closes for session in self._all]
        self._days = [session.day for session in self._all]
        self._zero = bisect_right(self._closes, start)

    @property
    def first(self) -> int:
        """The number of the oldest session known."""
        return -self._zero

    def __getitem__(self, number: int) -> Session:
        return self._all[number + self._zero]

    def last_started(self, instant: datetime) -> int:
        """The number of the last session that has opened."""
        position = bisect_right(self._closes, instant)
        if position < len(self._all) and self._all[position].opens <= instant:
            return position - self._zero
        return position - 1 - self._zero

    def current(self, instant: datetime) -> Session | None:
        """The session whose regular hours contain the instant."""
        session = self[self.last_started(instant)]
        return session if session.opens <= instant < session.closes else None

    def upcoming(self, instant: datetime) -> Session:
        """The current session, or the next to open."""
        return self._all[bisect_right(self._closes, instant)]

    def on_or_before(self, day: date) -> date:
        """The last trading day not after ``day``."""
        return self._days[bisect_right(self._days, day) - 1]

    def number_of(self, day: date) -> int:
        """The number of the session of a day, or of the next one."""
        return bisect_left(self._days, day) - self._zero

    def between(self, first: date, last: date) -> tuple[Session, ...]:
        """The sessions of a range of dates, both included."""
        return tuple(session for session in self._all if first <= session.day <= last)
