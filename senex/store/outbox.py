"""The outbox through plain SQL: lease, load, renew, report; all times are Postgres' own.

A row is undone until its handler's own transaction sets ``done_at``. Whoever
works on it keeps its lease alive; once the lease lapses the relay offers the
row again, so nothing depends on what the queue remembers.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg

from senex.ports.records import Following, Work
from senex.store.direct import away

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from senex.store.direct import AsyncConnection

CHANNEL = "outbox"
LEASE_SECONDS = 15
RENEW_SECONDS = 5

HEARD = "trading"
"""The queue whose worker hears of new rows by itself."""
MOVING = ["decide", "execute", "cancel", "cancel_orphan", "apply_alert", "tend_position"]
"""What of it moves orders; it does not wait for the readings of accounts, which take long."""
INSIDE = "streamer"
"""The queue whose work the streamer takes by itself: what it is about lives in that process."""
HEAD_START = 0.25
"""Seconds for which the relay leaves a new row of it to that worker."""

_LEASE = """
UPDATE outbox SET lease_until = clock_timestamp() + make_interval(secs => %s), offers = offers + 1
WHERE id IN (
    SELECT id FROM outbox
    WHERE done_at IS NULL AND (lease_until IS NULL OR lease_until < clock_timestamp())
        AND NOT EXISTS (SELECT FROM account WHERE account.id = outbox.account_id AND account.closed)
        AND {which}
    ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING id, queue, job, offers
"""
_LEASE_ALL = _LEASE.format(
    which="queue <> %s AND (queue <> %s OR created_at < clock_timestamp() - make_interval(secs => %s))"
)
_LEASE_OVERDUE = _LEASE.format(
    which="queue = %s AND created_at < clock_timestamp() - make_interval(secs => %s)"
)
_LEASE_HEARD = _LEASE.format(which="queue = %s AND (job = ANY(%s)) = %s")
_RENEW = """
UPDATE outbox SET lease_until = clock_timestamp() + make_interval(secs => %s)
WHERE id = %s AND done_at IS NULL
"""
# the first failures come back soon, later ones at the pace of the lease
_FAILED = """
UPDATE outbox SET error = %s,
    lease_until = clock_timestamp() + make_interval(secs => least(%s, power(2, least(offers, 8)) / 2))
WHERE id = %s AND done_at IS NULL
"""
# work of closed accounts waits, and what has failed for minutes is an alarm, not a delay
_UNDONE = """
SELECT EXISTS (
    SELECT FROM outbox WHERE done_at IS NULL AND NOT (error IS NOT NULL AND offers >= 8)
        AND NOT EXISTS (SELECT FROM account WHERE account.id = outbox.account_id AND account.closed))
"""
_NEWEST = "SELECT coalesce(max(id), 0) FROM outbox"
_RETURN = "UPDATE outbox SET lease_until = NULL WHERE id = ANY(%s) AND done_at IS NULL"
# nothing left over from before may be sent until the books have been compared with the broker's
_START = """
WITH gate AS (UPDATE readiness SET ready = false, epoch = epoch + 1, reason = 'senex has just started')
INSERT INTO outbox (queue, job, subject) VALUES ('trading', 'start', '')
"""
# once the lock is ours, whoever was done with the row has said so: an update looks at its newest version
_CLAIM = """
WITH asked AS MATERIALIZED ({asked}),
ours AS MATERIALIZED (
    SELECT id, pg_try_advisory_lock(hashtextextended('senex:outbox:' || id, 0)) AS ours FROM asked),
taken AS (
    UPDATE outbox SET lease_until = clock_timestamp() + make_interval(secs => %s) FROM ours
    WHERE outbox.id = ours.id AND done_at IS NULL AND ours.ours
    RETURNING outbox.id, account_id, job, subject)
SELECT ours.id, ours, taken.* FROM ours LEFT JOIN taken ON true
"""
_CLAIM_ROW = _CLAIM.format(asked="SELECT %s::bigint AS id")
_CLAIM_FOLLOWING = _CLAIM.format(
    asked="SELECT id FROM outbox WHERE done_at IS NULL AND job = %s AND subject = %s LIMIT 1"
)
_UNCLAIM = "SELECT pg_advisory_unlock(hashtextextended('senex:outbox:' || %s::bigint, 0))"


@dataclass(frozen=True, slots=True)
class Offer:
    """A leased row, to be put on its queue; ``number`` counts the offers of the row."""

    id: int
    queue: str
    job: str
    number: int


class Outbox:
    """The outbox on one dedicated connection, used by one task at a time."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lease(self, *, seconds: float = LEASE_SECONDS, limit: int = 100) -> tuple[Offer, ...]:
        """Lease undone rows nobody works on, oldest first.

        Left out is what another relay is leasing, the work of accounts the broker has closed (it
        could only fail), and what ``HEARD``'s worker has only just heard of.
        """
        rows = await self._rows(_LEASE_ALL, seconds, INSIDE, HEARD, HEAD_START, limit)
        return tuple(Offer(*row) for row in sorted(rows))

    async def hear(self, *, moving: bool, seconds: float = LEASE_SECONDS) -> int | None:
        """Lease the oldest undone row of ``HEARD`` that nobody works on, of those that do or do not move orders."""
        rows = await self._rows(_LEASE_HEARD, seconds, HEARD, MOVING, moving, 1)
        return rows[0][0] if rows else None

    async def overdue(self, queue: str, *, older: float, seconds: float = LEASE_SECONDS) -> int | None:
        """Lease the oldest undone row of a queue that nobody works on nor has offered for ``older`` seconds."""
        rows = await self._rows(_LEASE_OVERDUE, seconds, queue, older, 1)
        return rows[0][0] if rows else None

    async def give_back(self, ids: list[int]) -> None:
        """Let go of leases whose rows could not be queued."""
        await self._rows(_RETURN, ids)

    async def start(self) -> None:
        """Begin as every start does: close the gate, then learn the accounts and reconcile each."""
        await self._rows(_START)

    async def renew(self, outbox_id: int, *, seconds: float = LEASE_SECONDS) -> None:
        """Keep the row ours for some seconds more."""
        await self._rows(_RENEW, seconds, outbox_id)

    async def failed(self, outbox_id: int, error: str) -> None:
        """Store why a run failed and let the row be offered again: after 1, 2, 4 … seconds, at most a lease."""
        await self._rows(_FAILED, error[:2000], LEASE_SECONDS, outbox_id)

    async def quiet(self) -> bool:
        """Whether nothing waits or is being worked on."""
        [(undone,)] = await self._rows(_UNDONE)
        return not undone

    async def newest(self) -> int:
        """The id of the newest row: another one means that work came in."""
        [(newest,)] = await self._rows(_NEWEST)
        return int(newest)

    @asynccontextmanager
    async def claim(
        self, asked: int | Following, *, seconds: float = LEASE_SECONDS
    ) -> AsyncIterator[Work | None]:
        """Be the only runner of a row within the block; None when it is done or somebody else runs it.

        Delivery may be doubled or concurrent; an advisory lock of this session decides, and
        dies with the process.
        """
        if isinstance(asked, Following):
            found = await self._rows(_CLAIM_FOLLOWING, asked.job, asked.subject, seconds)
        else:
            found = await self._rows(_CLAIM_ROW, asked, seconds)
        outbox_id, ours, *row = found[0] if found else (0, False)
        if not ours:
            yield None
            return
        try:
            yield Work(*row) if row[0] is not None else None
        finally:
            if not self._connection.closed:
                await self._rows(_UNCLAIM, outbox_id)

    async def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        try:
            cursor = await self._connection.execute(statement, values)
            return await cursor.fetchall() if cursor.description else []
        except psycopg.OperationalError as problem:
            raise away(problem) from problem


@dataclass(frozen=True, slots=True)
class Wake:
    """New rows of one queue and job were committed; without a queue: any may have been."""

    queue: str = ""
    job: str = ""

    def may_be(self, queue: str, *, moving: bool | None = None) -> bool:
        """Whether it may be about a row of the queue; of ``HEARD``: one that moves orders, or one that does not."""
        if not self.queue:
            return True
        return self.queue == queue and (moving is None or (self.job in MOVING) is moving)


async def wakes(connection: AsyncConnection) -> AsyncGenerator[Wake, None]:
    """Listen on a connection of its own; answer at once and then once per notice. Raises Unavailable."""
    try:
        await connection.execute(f"LISTEN {CHANNEL}")
        yield Wake()
        async for notice in connection.notifies():
            yield Wake(*notice.payload.split())
    except psycopg.OperationalError as problem:
        raise away(problem) from problem
    raise away(psycopg.OperationalError("the session ended"))
