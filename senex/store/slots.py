"""Slots of scheduled jobs: each is claimed once, with its work in the same transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from senex.store.direct import away
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
# what failed in an earlier slot, or by hand, is left to this one: its work would be the same, and an outage heaps up
# nothing.
# how often it has failed goes on counting, and since when
_LEAVE = """
WITH made AS (SELECT id, account_id FROM outbox WHERE id = ANY(%(made)s)),
left_over AS (
    UPDATE outbox SET done_at = clock_timestamp(), error = 'left to a later slot: ' || error
    FROM made WHERE outbox.account_id = made.account_id AND outbox.job = %(job)s AND outbox.id <> made.id
        AND outbox.done_at IS NULL AND outbox.error IS NOT NULL
        AND (outbox.dedupe_key LIKE 'slot:%%' OR outbox.dedupe_key LIKE 'run:%%')
    RETURNING made.id, outbox.offers, outbox.error, outbox.created_at)
UPDATE outbox SET offers = said.offers, error = said.error, created_at = said.since
FROM (SELECT id, max(offers) AS offers, max(replace(error, 'left to a later slot: ', '')) AS error,
    min(created_at) AS since FROM left_over GROUP BY id) said
WHERE outbox.id = said.id
"""
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
