"""What the streamer reads and writes in Postgres. Only psycopg is imported: the process stays small.

What is streamed follows the books: legs of positions, of live suggestions and
of working orders, holdings at the broker, and the underlyings of all of them.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb

from senex.store.direct import away, connect
from senex.store.outbox import INSIDE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import datetime

    from senex.store.direct import AsyncConnection

_WANTED = """
WITH held AS (
    SELECT leg.symbol FROM position_leg leg JOIN position p ON p.id = leg.position_id
    WHERE p.status IN ('pending_entry', 'open_full', 'open_partial', 'closing')
    UNION
    SELECT lot.symbol FROM lot WHERE lot.open_quantity <> 0
    UNION
    SELECT leg.symbol FROM suggestion_leg leg JOIN suggestion s ON s.id = leg.suggestion_id
    WHERE s.status IN ('pending', 'approved') AND s.expires_at > %(now)s
    UNION
    SELECT leg.symbol FROM order_leg leg JOIN trade_order o ON o.id = leg.order_id
    WHERE o.status IN ('intended', 'working', 'partially_filled', 'unknown')
    UNION
    SELECT symbol FROM broker_position WHERE quantity <> 0
)
SELECT i.streamer_symbol, i.underlying FROM held JOIN instrument i USING (symbol)
WHERE i.stops_trading_at IS NULL OR i.stops_trading_at > %(now)s
"""
_ACCOUNTS = "SELECT number, id FROM account WHERE environment = %s"
_ALERT = """
WITH told AS (
    INSERT INTO broker_message (id, at, account_id, source, method, path, body, problem)
    VALUES (%(id)s, %(at)s, %(account_id)s, 'alert', '', %(kind)s, %(body)s, %(problem)s))
INSERT INTO outbox (account_id, queue, job, subject, dedupe_key)
SELECT %(account_id)s::uuid, 'trading', 'apply_alert', %(id)s::text, 'alert:' || %(id)s::text WHERE %(work)s
ON CONFLICT (dedupe_key) DO NOTHING
"""
_WORK = """
INSERT INTO outbox (account_id, queue, job, subject, dedupe_key)
VALUES (%s, 'trading', %s, %s, %s) ON CONFLICT (dedupe_key) DO NOTHING
"""
_UNREADY = """
UPDATE readiness r SET ready = false, epoch = r.epoch + 1, reason = %(reason)s, changed_at = %(now)s
FROM account a WHERE a.id = r.account_id AND a.environment = %(environment)s
"""
_EPOCHS = """
SELECT a.id, r.epoch FROM account a JOIN readiness r ON r.account_id = a.id
WHERE a.environment = %s AND a.number = ANY(%s)
"""
_SOURCE = """
INSERT INTO source_status (source, subject, ok, detail, at, figures) VALUES (%s, '', %s, %s, %s, %s)
ON CONFLICT (source, subject)
DO UPDATE SET ok = excluded.ok, detail = excluded.detail, at = excluded.at, figures = excluded.figures
"""

_INSIDE = "SELECT id FROM outbox WHERE done_at IS NULL AND queue = %s ORDER BY id"
_DONE = "UPDATE outbox SET done_at = clock_timestamp(), error = NULL WHERE id = ANY(%s) AND done_at IS NULL"


class SourceNews(NamedTuple):
    """Whether a source is fresh, why not or how much in words, and its figures by their name."""

    ok: bool
    detail: str
    figures: Mapping[str, float] = {}


class StreamStore:
    """One durable connection, made again when it is lost; calls queue up on it.

    Every method may raise ``Unavailable`` (``E_POSTGRES_AWAY``).
    """

    def __init__(self, url: str, *, environment: str) -> None:
        self._url = url
        self._environment = environment
        self._connection: AsyncConnection | None = None
        self._turn = asyncio.Lock()
        self._accounts: dict[str, UUID] = {}

    async def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            await self._connection.close()

    async def wanted(self, now: datetime) -> frozenset[str]:
        """Streamer symbols the books need at ``now`` (market time)."""
        async with self._connected() as connection:
            rows = await (await connection.execute(_WANTED, {"now": now})).fetchall()
        return frozenset(symbol for row in rows for symbol in row)

    async def alert(self, text: str, *, kind: str, number: str | None, work: bool, now: datetime) -> None:
        """Store a raw alert and, where ``work``, what is to be done about it, in one statement.

        ``kind`` is empty when the message could not be read.
        """
        async with self._connected() as connection:
            account_id = await self._account(connection, number)
            await connection.execute(
                _ALERT,
                {
                    "id": uuid4(),
                    "at": now,
                    "account_id": account_id,
                    "kind": kind,
                    "body": text,
                    "problem": None if kind else "not a readable message",
                    "work": work and account_id is not None,
                },
            )

    async def unready(self, reason: str, now: datetime) -> None:
        """Nothing new is sent for any account of this environment until it was reconciled."""
        async with self._connected() as connection:
            await connection.execute(
                _UNREADY, {"reason": reason, "now": now, "environment": self._environment}
            )

    async def reconcile(self, numbers: Sequence[str]) -> int:
        """Ask for a reconcile of these accounts, once per epoch of their readiness; how many are known."""
        async with self._connected() as connection, connection.transaction():
            rows = await (await connection.execute(_EPOCHS, (self._environment, list(numbers)))).fetchall()
            for account_id, epoch in rows:
                key = f"reconcile:{account_id}:{epoch}"
                await connection.execute(_WORK, (account_id, "reconcile", str(account_id), key))
        return len(rows)

    async def inside(self) -> tuple[int, ...]:
        """Work that waits for this process, by the ids of its rows."""
        async with self._connected() as connection:
            rows = await (await connection.execute(_INSIDE, (INSIDE,))).fetchall()
        return tuple(row[0] for row in rows)

    async def done(self, rows: Sequence[int]) -> None:
        """That work is done."""
        async with self._connected() as connection:
            await connection.execute(_DONE, (list(rows),))

    async def sources(self, statuses: Mapping[str, SourceNews], now: datetime) -> None:
        """Say how each source is, by its name."""
        async with self._connected() as connection, connection.transaction():
            rows = [
                (source, news.ok, news.detail, now, Jsonb(news.figures)) for source, news in statuses.items()
            ]
            await connection.cursor().executemany(_SOURCE, rows)

    async def _account(self, connection: AsyncConnection, number: str | None) -> UUID | None:
        if number is None:
            return None
        if number not in self._accounts:
            rows = await (await connection.execute(_ACCOUNTS, (self._environment,))).fetchall()
            self._accounts = dict(rows)
        return self._accounts.get(number)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection]:
        async with self._turn:
            if self._connection is None or self._connection.closed:
                self._connection = await connect(self._url, name="streamer", durable=True)
            try:
                yield self._connection
            except (psycopg.OperationalError, psycopg.InterfaceError) as problem:
                await self._connection.close()
                raise away(problem) from problem
