"""Exchange sessions and times: the real calendar, with half days and holidays."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from senex.simulator.market.holidays import CLOSED, FIRST, HALF, LAST

NEW_YORK = ZoneInfo("America/New_York")
TICK = timedelta(milliseconds=250)
_BEFORE = timedelta(days=420)
_AFTER = timedelta(days=1400)
EVENING = 0.3
"""The share of a night's movement between the close and 20:00."""
NIGHT = 0.25
"""A night's share of the time options count from close to close."""
_EDGE = 0.5
EVENING_SECONDS, MORNING_SECONDS = 4 * 3600.0, 5.5 * 3600.0
_SATURDAY = 5
EARLIEST, LATEST = FIRST + _BEFORE, LAST - timedelta(days=366)
"""Where a timeline may start: a year of history before, a year of market after."""


@dataclass(frozen=True, slots=True)
class Session:
    """One trading day; ``opens`` and ``closes`` bound its regular hours (UTC)."""

    day: date
    opens: datetime
    closes: datetime


def hurried(progress: float) -> float:
    """The market's own clock: the share of a session's variance that has passed, faster at both ends."""
    centred = progress - 0.5
    return (1.0 - _EDGE) * progress + 4.0 * _EDGE * (centred * centred * centred + 0.125)


class Place(NamedTuple):
    """Where an instant lies: in the regular hours of a session, or in the night before it.

    ``share`` is how much of the regular hours has passed, or of the night's
    trading (16:00 to 20:00 and 4:00 to 9:30). ``evening`` says that the
    session's own day has not begun to trade.
    """

    session: int
    regular: bool
    share: float
    evening: bool = False

    @property
    def started(self) -> int:
        """The last session that has opened."""
        return self.session if self.regular else self.session - 1


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
        self._start = start
        day = new_york_date(start)
        self._all = _schedule(max(FIRST, day - _BEFORE), min(LAST, day + _AFTER))
        self._closes = [session.closes for session in self._all]
        self._days = [session.day for session in self._all]
        self._zero = bisect_right(self._closes, start)
        self._open_seconds = [(session.opens - start).total_seconds() for session in self._all]
        self._close_seconds = [(session.closes - start).total_seconds() for session in self._all]

    @property
    def first(self) -> int:
        """The number of the oldest session known."""
        return -self._zero

    @property
    def end(self) -> datetime:
        """When the last session known opens: time cannot go further."""
        return self._all[-1].opens

    def __getitem__(self, number: int) -> Session:
        return self._all[number + self._zero]

    def place(self, seconds: float) -> Place:
        """The place of an instant, given in seconds since the timeline's start."""
        position = min(max(bisect_right(self._close_seconds, seconds), 1), len(self._all) - 1)
        opens, number = self._open_seconds[position], position - self._zero
        if seconds >= opens:
            length = self._close_seconds[position] - opens
            return Place(number, regular=True, share=min(1.0, (seconds - opens) / length))
        after = seconds - self._close_seconds[position - 1]
        if seconds < opens - MORNING_SECONDS:
            share = EVENING * min(1.0, max(0.0, after) / EVENING_SECONDS)
            return Place(number, regular=False, share=share, evening=True)
        share = 1.0 - (1.0 - EVENING) * (opens - seconds) / MORNING_SECONDS
        return Place(number, regular=False, share=share)

    def hours(self, number: int) -> tuple[float, float]:
        """When a session opens and closes, in seconds since the timeline's start."""
        return self._open_seconds[number + self._zero], self._close_seconds[number + self._zero]

    def place_of(self, instant: datetime) -> Place:
        """The place of an instant."""
        return self.place((instant - self._start).total_seconds())

    def traded(self, seconds: float) -> float:
        """Sessions passed on the market's clock since the night before session 0."""
        place = self.place(seconds)
        if place.regular:
            return place.session + NIGHT + (1.0 - NIGHT) * hurried(place.share)
        return place.session + NIGHT * place.share

    def extended(self, number: int) -> tuple[datetime, datetime]:
        """When a session's first and last trading is, early and late hours included."""
        session = self[number]
        return session.opens - timedelta(seconds=MORNING_SECONDS), session.closes + timedelta(
            seconds=EVENING_SECONDS
        )

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
