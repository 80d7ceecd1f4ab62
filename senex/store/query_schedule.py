"""The schedule with the slots to come, told as the scheduler tells them."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

from senex.domain.calendar import new_york_date
from senex.domain.errors import UsageProblem
from senex.domain.rules import parse_rule
from senex.domain.schedule import HORIZON_DAYS, next_slot
from senex.domain.unknown import Unknown
from senex.ports.views import ScheduleView
from senex.store.schedule import to_calendar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from senex.domain.calendar import Calendar

    Row = Any

_WEEK = timedelta(days=7)


def days_around(now: datetime) -> tuple[date, date]:
    """The dates whose sessions say the next slot; some more, so that no holiday ends what is known."""
    today = new_york_date(now)
    return today - _WEEK, today + timedelta(days=HORIZON_DAYS) + _WEEK


def schedule(jobs: Sequence[Row], sessions: Sequence[Row], now: datetime) -> tuple[ScheduleView, ...]:
    """The jobs, each with its first slot after ``now``."""
    calendar = to_calendar(sessions)
    return tuple(_job(row, calendar, now) for row in jobs)


def _job(row: Row, calendar: Calendar, now: datetime) -> ScheduleView:
    ahead = _ahead(row, calendar, now)
    problem = ahead.why if isinstance(ahead, Unknown) else None
    return ScheduleView(
        name=row.name,
        rule=row.rule,
        queue=row.queue,
        enabled=row.enabled,
        grace_seconds=row.grace_seconds,
        next_slot=None if isinstance(ahead, Unknown) or not row.enabled else ahead,
        problem=problem,
        last_slot=row.last_slot and row.last_slot.astimezone(UTC),
        result=row.result,
        error=row.error,
        ended_at=row.ended_at,
    )


def _ahead(row: Row, calendar: Calendar, now: datetime) -> datetime | Unknown:
    try:
        return next_slot(parse_rule(row.rule), now, calendar)
    except UsageProblem as problem:
        return Unknown(problem.message)
