"""The desired schedule and the exchange calendar, read with plain SQL for the scheduler."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg

from senex.domain.calendar import Calendar, Session
from senex.store.direct import away

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from senex.store.direct import AsyncConnection

_SCHEDULE = """
SELECT name, rule, queue, make_interval(secs => grace_seconds),
    (SELECT max(slot) FROM job_slot WHERE job_slot.name = job_schedule.name AND timeline = %s)
FROM job_schedule WHERE enabled ORDER BY name
"""
_CALENDAR = "SELECT day, opens_at, closes_at FROM market_session WHERE day BETWEEN %s AND %s ORDER BY day"
_REACH = timedelta(days=100)


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A job that should run; ``last`` is its newest claimed slot on this timeline."""

    name: str
    rule: str
    queue: str
    grace: timedelta
    last: datetime | None


async def read_schedule(connection: AsyncConnection, timeline: str) -> tuple[Scheduled, ...]:
    """Every enabled job. Raises Unavailable."""
    try:
        rows = await (await connection.execute(_SCHEDULE, (timeline,))).fetchall()
    except psycopg.OperationalError as problem:
        raise away(problem) from problem
    return tuple(
        Scheduled(name, rule, queue, grace, None if last is None else last.astimezone(UTC))
        for name, rule, queue, grace, last in rows
    )


async def read_calendar(connection: AsyncConnection, around: date) -> Calendar:
    """The stored sessions of some months before and after. Raises Unavailable."""
    try:
        rows = await (await connection.execute(_CALENDAR, (around - _REACH, around + _REACH))).fetchall()
    except psycopg.OperationalError as problem:
        raise away(problem) from problem
    return to_calendar(rows)


def to_calendar(rows: Iterable[tuple[date, datetime, datetime]]) -> Calendar:
    """The sessions of rows: the day, when it opens and when it closes."""
    return Calendar(
        tuple(Session(day, opens.astimezone(UTC), closes.astimezone(UTC)) for day, opens, closes in rows)
    )
