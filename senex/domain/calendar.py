"""The exchange calendar: a frozen value, filled from stored sessions. Dates are New York's."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from senex.domain.unknown import Unknown

if TYPE_CHECKING:
    from datetime import date, datetime

NEW_YORK = ZoneInfo("America/New_York")


def new_york_date(instant: datetime) -> date:
    """The New York date of an aware instant; every DTE counts on it (DOMAIN A)."""
    return instant.astimezone(NEW_YORK).date()


@dataclass(frozen=True, slots=True, order=True)
class Session:
    """One regular trading session; ``opens`` and ``closes`` are aware instants."""

    day: date
    opens: datetime
    closes: datetime


@dataclass(frozen=True, slots=True)
class Calendar:
    """Known sessions, ascending. What lies outside them is unknown, not closed."""

    sessions: tuple[Session, ...]

    def session_on(self, day: date) -> Session | Unknown | None:
        """The session of ``day``, None on a day without one."""
        if not self._covers(day):
            return Unknown(f"the exchange calendar does not cover {day.isoformat()}")
        index = bisect_left(self.sessions, day, key=lambda session: session.day)
        found = self.sessions[index]
        return found if found.day == day else None

    def is_open(self, instant: datetime) -> bool | Unknown:
        """Whether the regular session is on at ``instant``."""
        session = self.session_on(new_york_date(instant))
        if session is None or isinstance(session, Unknown):
            return False if session is None else session
        return session.opens <= instant < session.closes

    def previous(self, day: date) -> Session | None:
        """The last session before ``day``."""
        index = bisect_left(self.sessions, day, key=lambda session: session.day)
        return self.sessions[index - 1] if index else None

    def last_closed(self, instant: datetime) -> Session | Unknown:
        """The newest session that was over at ``instant``."""
        today = new_york_date(instant)
        if not self._covers(today):
            return Unknown(f"the exchange calendar does not cover {today.isoformat()}")
        index = bisect_right(self.sessions, instant, key=lambda session: session.closes)
        return (
            self.sessions[index - 1] if index else Unknown("the exchange calendar knows no earlier session")
        )

    def sessions_until(self, start: date, end: date) -> int:
        """How many sessions lie after ``start`` up to and including ``end``."""
        first = bisect_right(self.sessions, start, key=lambda session: session.day)
        last = bisect_right(self.sessions, end, key=lambda session: session.day)
        return max(last - first, 0)

    def _covers(self, day: date) -> bool:
        return bool(self.sessions) and self.sessions[0].day <= day <= self.sessions[-1].day
