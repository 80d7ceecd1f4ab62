"""Slots of scheduled jobs: each is claimed once, with its work in the same transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from senex.store.direct import away
from senex.store.left_over import leave
from senex.store.outbox import LEASE_SECONDS

if TYPE_CHECKING:
    from datetime import datetime

    from senex.store.direct import AsyncConnection

# one row per account of the environment; without one the slot stays unclaimed until it is past its grace
_WORK = """
INSERT INTO outbox (account_id, queue, job, subject, dedupe_key, offers, lease_until)
SELECT account.id, %(queue)s::text, %(job)s::text, account.id::text,
       concat_ws(':', 'slot', %(timeline)s::text, %(job)s::text, %(slot)s::text, account.id),
       mine::int, CASE WHEN mine THEN clock_timestamp() + make_interval(secs => %(lease)s) END
FROM (
    SELECT id, %(leased)s::bool AND row_number() OVER (ORDER BY id) = 1 AS mine FROM account
    WHERE environment = %(environment)s::text AND NOT closed) account
ORDER BY account.id
ON CONFLICT (dedupe_key) DO NOTHING
RETURNING id
"""
_LEAVE = leave(made="outbox.id = ANY(%(made)s)", job="%(job)s")
_CLAIM = """
INSERT INTO job_slot (timeline, name, slot, outbox_id) VALUES (%s, %s, %s, %s)
ON CONFLICT (timeline, name, slot) DO NOTHING
RETURNING name
"""


async def claim_slot(
    connection: AsyncConnection,
    *,
    timeline: str,
    job: str,
    slot: datetime,
    queue: str,
    environment: str,
    leased: bool = False,
) -> tuple[int, ...]:
    """Claim one slot and put its work into the outbox, one row per open account; answer these rows.

    The first is ``leased`` to the caller, should it want to work on it itself. Work of earlier
    slots that failed is left to this one. The second claim of a slot answers nothing
    and leaves nothing behind. ``slot`` is market time and belongs to its ``timeline``. Raises Unavailable.
    """
    values = {
        "queue": queue,
        "job": job,
        "timeline": timeline,
        "slot": slot.isoformat(),
        "environment": environment,
        "leased": leased,
        "lease": LEASE_SECONDS,
    }
    try:
        async with connection.transaction():
            rows = await (await connection.execute(_WORK, values)).fetchall()
            made = tuple(row[0] for row in rows)
            if made:
                await _claim(connection, timeline, job, slot, made[0])
                await connection.execute(_LEAVE, {"made": list(made), "job": job})
            return made
    except _Taken:
        return ()
    except psycopg.OperationalError as problem:
        raise away(problem) from problem


class _Taken(Exception):
    """The slot was claimed before; its work is rolled back."""


async def _claim(
    connection: AsyncConnection, timeline: str, job: str, slot: datetime, outbox_id: int
) -> None:
    cursor = await connection.execute(_CLAIM, (timeline, job, slot, outbox_id))
    if await cursor.fetchone() is None:
        raise _Taken


async def queue_of(connection: AsyncConnection, job: str) -> str | None:
    """The queue a scheduled job runs on; None when it is not, or no longer, to run. Raises Unavailable."""
    try:
        cursor = await connection.execute(
            "SELECT queue FROM job_schedule WHERE name = %s AND enabled", (job,)
        )
        row = await cursor.fetchone()
    except psycopg.OperationalError as problem:
        raise away(problem) from problem
    return row[0] if row else None
