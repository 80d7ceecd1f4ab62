"""One connection to Postgres that comes back by itself: all a console needs.

Only psycopg is imported, so that a console starts fast and stays small. Every
piece of work may be done twice: reads change nothing, and what is inserted
brings its own key.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg import IsolationLevel, errors
from psycopg.rows import namedtuple_row

from senex.domain.errors import Unavailable, Unstorable, UsageProblem
from senex.store.numeric import PlainLoader
from senex.store.schema import VERSION, refuse_other

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

_Result = TypeVar("_Result")

DEADLINE = 2.0
"""Seconds of machine time within which Postgres must have answered."""

_CONNECT: Mapping[str, Any] = {
    "connect_timeout": 2,
    "keepalives": 1,
    "keepalives_idle": 2,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}

_VERSION = VERSION.encode()


class Session:
    """Does small pieces of work, one at a time, each in a transaction of its own that sees one moment.

    A connection that broke since its last use is replaced once, at once. What
    has not been answered after ``deadline`` seconds is given up. ``checked``
    refuses a database of another version than this senex needs; ``setting``
    is where the URL came from, for errors.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str,
        read_only: bool,
        checked: bool = False,
        deadline: float = DEADLINE,
        setting: str = "SENEX_CONSOLE_DATABASE_URL",
    ) -> None:
        self._url = url
        self._name = name
        self._setting = setting
        self._read_only = read_only
        self._checked = self._unchecked = checked
        self._deadline = deadline
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._turn = asyncio.Lock()

    async def run(self, work: Callable[[psycopg.AsyncCursor[Any]], Awaitable[_Result]]) -> _Result:
        """Do ``work`` and commit.

        Raises:
            Unavailable: ``E_POSTGRES_AWAY``.
            UsageProblem: ``E_DATABASE_SCHEMA``, ``E_DATABASE_ROLE`` or ``E_VALUE``.
        """
        try:
            return await self._retried(work)
        except (errors.UndefinedTable, errors.UndefinedColumn, errors.UndefinedFunction) as problem:
            raise UsageProblem(
                "E_DATABASE_SCHEMA",
                f"The database is not as this senex expects it ({_first_line(problem)}); `senex db status` says "
                "which one is older, `senex db migrate` brings the database up to date.",
            ) from problem
        except errors.InsufficientPrivilege as problem:
            raise UsageProblem(
                "E_DATABASE_ROLE",
                f"The database does not let this role do that ({_first_line(problem)}); check the user in "
                f"{self._setting}, or run `senex db migrate` to renew the grants.",
            ) from problem
        except (psycopg.DataError, UnicodeEncodeError) as problem:
            raise unstorable(problem).as_input() from problem

    async def _retried(self, work: Callable[[psycopg.AsyncCursor[Any]], Awaitable[_Result]]) -> _Result:
        async with self._turn:
            used_before = self._connection is not None
            try:
                return await self._bounded(work)
            except psycopg.OperationalError as problem:
                if not used_before:
                    raise self._away(problem) from problem
            try:
                return await self._bounded(work)
            except psycopg.OperationalError as problem:
                raise self._away(problem) from problem

    async def close(self) -> None:
        """Let go of the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _bounded(self, work: Callable[[psycopg.AsyncCursor[Any]], Awaitable[_Result]]) -> _Result:
        """Do it in a task: psycopg answers a cancel by talking to the server, which a hung one never ends."""
        task = asyncio.ensure_future(self._transact(work))
        try:
            done, _ = await asyncio.wait({task}, timeout=self._deadline)
            if done:
                return task.result()
            raise _silent(self._deadline)
        except psycopg.OperationalError:
            self._drop()
            raise
        finally:
            if task.done():
                _ = task.cancelled() or task.exception()  # heard, also where nobody waits for it any more
            else:
                self._drop()
                task.cancel()
                with suppress(asyncio.CancelledError, psycopg.Error):
                    await task

    async def _transact(self, work: Callable[[psycopg.AsyncCursor[Any]], Awaitable[_Result]]) -> _Result:
        connection = self._connection
        if connection is None:
            connection = await psycopg.AsyncConnection.connect(
                self._url, application_name=f"senex {self._name}", row_factory=namedtuple_row, **_CONNECT
            )
            connection.adapters.register_loader("numeric", PlainLoader)
            self._connection, self._unchecked = connection, self._checked
            await connection.set_read_only(self._read_only)
            await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
        async with connection.transaction(), connection.cursor() as cursor:
            if self._unchecked:
                await cursor.execute(_VERSION)
                row = await cursor.fetchone()
                refuse_other(row and row.version_num, row and row.oldest)
                self._unchecked = False
            return await work(cursor)

    def _away(self, problem: psycopg.Error) -> Unavailable:
        return Unavailable(
            "E_POSTGRES_AWAY",
            f"Postgres does not answer ({_first_line(problem)}); check that it runs and that {self._setting} "
            "points to it.",
        )

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.pgconn.finish()


def unstorable(problem: Exception) -> Unstorable:
    """What a driver says of a value, in its first line."""
    return Unstorable(str(getattr(problem, "orig", problem)).strip().splitlines()[0])


def _silent(seconds: float) -> Unavailable:
    return Unavailable(
        "E_POSTGRES_AWAY",
        f"Postgres has not answered for {seconds:g} s; what is shown may be old until it does. "
        "Check that it runs and is not overloaded.",
    )


def _first_line(problem: psycopg.Error) -> str:
    lines = str(problem).strip().splitlines()
    return lines[0] if lines else type(problem).__name__
