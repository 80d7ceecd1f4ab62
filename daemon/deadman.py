"""The dead man's switch: an outside address is asked for while books and broker are compared on time, and no longer.

Whoever watches that address says so when it is not asked for: a dead host cannot.
"""

from __future__ import annotations

import asyncio
import http.client
import urllib.request
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

import psycopg
import structlog

from senex.domain.errors import SenexError
from senex.domain.rules import parse_rule
from senex.domain.schedule import HORIZON_DAYS, slots_between
from senex.domain.unknown import Unknown
from senex.store.direct import connect
from senex.store.schedule import read_calendar
from senex.store.vigil import read_vigil

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from senex.domain.calendar import Calendar
    from senex.store.direct import AsyncConnection
    from senex.store.vigil import Vigil

PING_SECONDS = 60.0
LATE = timedelta(minutes=10)
"""How long after its slot a comparison may end."""
_HTTP_SECONDS = 10
_log = structlog.get_logger("senex.deadman")


class MarketClock(Protocol):
    """Market time."""

    def now(self) -> datetime: ...


def why_not(vigil: Vigil | None, now: datetime, calendar: Calendar) -> str | None:
    """Why the comparison is not on time; None while it is. Raises UsageProblem for a rule that is none."""
    if vigil is None or not vigil.enabled:
        return "reconcile_trades is paused"
    if not vigil.accounts:
        return "no account has been read yet"
    if vigil.reconciled_at is None:
        return "an account was never compared"
    if not vigil.working:
        return "no worker of trading lives"
    if vigil.unready:
        return f"{vigil.unready} accounts are not ready"
    due = slots_between(parse_rule(vigil.rule), now - timedelta(days=HORIZON_DAYS), now - LATE, calendar)
    if isinstance(due, Unknown):
        return due.why
    if due and vigil.reconciled_at < due[-1]:
        return f"nothing was compared since the slot of {due[-1].isoformat()}"
    return None


async def keep_vigil(
    url: str,
    *,
    direct_url: str,
    environment: str,
    clock: MarketClock,
    hindered: Callable[[], str | None] = lambda: None,
    every: float = PING_SECONDS,
) -> None:
    """Ask for ``url`` again and again while all is on time, until cancelled. Its failures end nothing.

    ``hindered`` says what keeps work from being queued, which nobody else may be able to tell.
    """
    said: str | None = ""
    connection: AsyncConnection | None = None
    try:
        while True:
            try:
                if connection is None or connection.closed:
                    connection = await connect(direct_url, name="dead man's switch")
                vigil = await read_vigil(connection, environment)
                now = clock.now()
                problem = hindered() or why_not(vigil, now, await read_calendar(connection, now.date()))
                if problem is None:
                    await asyncio.to_thread(_ask, url)
            except SenexError as error:
                problem = error.message
            # whatever is in the database or at that address, or is no address at all; the address is never said, as
            # who knows it can keep it quiet
            except (psycopg.Error, OSError, http.client.HTTPException, ValueError) as error:
                problem = type(error).__name__
            if problem != said:
                _log.info("asked" if problem is None else "not asked", why=problem or "")
                said = problem
            await asyncio.sleep(every)
    finally:
        if connection is not None:
            await connection.close()


def _ask(url: str) -> None:
    with urllib.request.urlopen(url, timeout=_HTTP_SECONDS) as answer:  # noqa: S310  the settings let http(s) pass only
        answer.read(1)
