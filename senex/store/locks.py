"""Session-level advisory locks: one leader per name, one runner per piece of work.

Postgres frees such a lock the moment its connection ends, so a killed leader is
replaced at once and nobody has to judge whether a lease is stale. The other
side of that: who loses the connection has lost the lock, and must stop.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import psycopg

from senex.domain.errors import Unavailable
from senex.store.direct import away, connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from senex.store.direct import AsyncConnection

_KEY = "hashtextextended('senex:' || %s, 0)"
_WAIT = f"SELECT pg_advisory_lock({_KEY})"
_TRY = f"SELECT pg_try_advisory_lock({_KEY})"
_FREE = f"SELECT pg_advisory_unlock({_KEY})"


class Locks:
    """Advisory locks on one dedicated connection; one task uses it at a time.

    Two sessions exclude each other; one session may take the same name twice, so
    each process that competes needs a ``Locks`` of its own.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, url: str, *, name: str) -> Locks:
        """Connect directly to Postgres. Raises Unavailable."""
        return cls(await connect(url, name=name))

    @property
    def broken(self) -> bool:
        """Whether the connection, and every lock with it, is gone."""
        return self._connection.closed

    async def close(self) -> None:
        """End the session; Postgres frees what it held."""
        await self._connection.close()

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[None]:
        """Wait for the lock and hold it; a lost connection cancels the block and raises Unavailable."""
        await self._ask(_WAIT, name)
        async with self._held(name):
            yield

    @asynccontextmanager
    async def try_hold(self, name: str) -> AsyncIterator[bool]:
        """Hold the lock if it is free; answer whether it is ours."""
        if not await self._ask(_TRY, name):
            yield False
            return
        async with self._held(name):
            yield True

    @asynccontextmanager
    async def _held(self, name: str) -> AsyncIterator[None]:
        try:
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(self._watch(name), name=f"lock {name}")
                try:
                    yield
                finally:
                    watch.cancel()
        except BaseExceptionGroup as several:
            # the block's own error says more than the lock lost in its course
            raise several.exceptions[0] from several
        finally:
            with suppress(Unavailable):
                await self._ask(_FREE, name)

    async def _watch(self, name: str) -> None:
        """End only with the connection. Nobody notifies it, so waiting for a notice waits for its end."""
        with suppress(psycopg.OperationalError):
            async for _ in self._connection.notifies():
                pass
        raise Unavailable(
            "E_LOCK_LOST",
            f"The Postgres session that held the lock '{name}' ended, so another process may hold it now; this one "
            "stops and starts again by itself.",
        )

    async def _ask(self, statement: str, name: str) -> bool:
        try:
            row = await (await self._connection.execute(statement, (name,))).fetchone()
        except psycopg.OperationalError as problem:
            raise away(problem) from problem
        return bool(row and row[0] is not False)


@asynccontextmanager
async def leader(url: str, name: str) -> AsyncIterator[None]:
    """Wait to be the one ``name``, and be it within the block.

    Losing the session cancels the block and raises Unavailable (E_LOCK_LOST): the
    caller's process ends and is started again as a standby.
    """
    locks = await Locks.open(url, name=f"{name} leader")
    try:
        async with locks.hold(f"leader:{name}"):
            yield
    finally:
        await locks.close()
