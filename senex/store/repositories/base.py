"""What every repository shares."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, cast

from psycopg import errors, sql
from psycopg.rows import namedtuple_row
from sqlalchemy import Table, literal_column
from sqlalchemy.dialects.postgresql.psycopg import dialect
from sqlalchemy.exc import OperationalError

from senex.domain.errors import SenexError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import psycopg
    from sqlalchemy import Label
    from sqlalchemy.engine import Row
    from sqlalchemy.ext.asyncio import AsyncConnection
    from sqlalchemy.sql import Executable
    from sqlalchemy.sql.elements import ClauseElement
    from sqlmodel import SQLModel

    from senex.store.told import Told


FRESH: Label[bool] = literal_column("xmax = 0").label("fresh")
"""Whether an upsert inserted the row: what was updated carries the transaction that did."""


def table(model: type[SQLModel]) -> Table:
    """The table behind a row class."""
    return cast("Table", model.__table__)  # type: ignore[attr-defined]  # SQLModel adds it at class creation


class Missing(SenexError):
    """A row that must be there is not: the books were changed behind our back."""


def missing(what: str) -> Missing:
    """Say which row is not there."""
    return Missing("E_MISSING_ROW", f"{what} is not in the database; run `senex doctor`.")


@contextmanager
def journal_busy(later: str) -> Iterator[None]:
    """A statement that waits for the journal's writers only so long.

    Raises:
        Unavailable: ``E_JOURNAL_BUSY``, saying what comes ``later``.
    """
    try:
        yield
    except OperationalError as problem:
        if isinstance(problem.orig, errors.LockNotAvailable):
            raise Unavailable("E_JOURNAL_BUSY", f"The journal is being written; {later}.") from problem
        raise


class Query:
    """A select with named parameters, compiled once, to be asked together with others."""

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement

    @cached_property
    def compiled(self) -> tuple[str, Mapping[str, Any]]:
        """Its text and the parameters that never change."""
        compiled = self._statement.compile(dialect=dialect())  # type: ignore[no-untyped-call]  # SQLAlchemy's own
        return str(compiled), {name: value for name, value in compiled.params.items() if value is not None}


async def ask(
    driver: psycopg.AsyncConnection[Any], values: Mapping[str, object], queries: Sequence[Query]
) -> list[list[Any]]:
    """The rows of each query, all asked in one round trip; each sees what was committed when its turn came."""
    cursors = []
    async with driver.pipeline():
        for query in queries:
            text, given = query.compiled
            cursor = driver.cursor(row_factory=namedtuple_row)
            await cursor.execute(text.encode(), {**given, **values})
            cursors.append(cursor)
    return [await cursor.fetchall() for cursor in cursors]


class Repository:
    """Runs statements in the unit of work's transaction."""

    def __init__(self, connection: AsyncConnection, driver: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection
        self._driver = driver

    async def _ask(self, *queries: Query, **values: object) -> list[list[Any]]:
        """Ask several compiled queries with the same values in one round trip."""
        return await ask(self._driver, values, queries)

    async def _rows(self, statement: Executable) -> list[Row[Any]]:
        return list((await self._connection.execute(statement)).all())

    async def _row(self, statement: Executable) -> Row[Any] | None:
        return (await self._connection.execute(statement)).first()

    async def _one(self, statement: Executable, what: str) -> Row[Any]:
        row = await self._row(statement)
        if row is None:
            raise missing(what)
        return row

    async def _run(self, statement: Executable) -> int:
        return (await self._connection.execute(statement)).rowcount

    async def _put(self, into: Executable | Table, row: Mapping[str, object]) -> None:
        """Run a statement that is always the same with one row; for a table: insert it, straight through the driver."""
        if not isinstance(into, Table):
            await self._connection.execute(into, row)
            return
        text, given = _insertion(into, tuple(row))
        await self._driver.execute(text, {**given, **row})

    async def _insert(self, into: Executable | Table, rows: Sequence[Mapping[str, object]]) -> None:
        """The same with rows of the same columns, in one round trip however many there are."""
        if not rows:
            return
        if not isinstance(into, Table):
            await self._connection.execute(into, rows)
            return
        text, given = _insertion(into, tuple(rows[0]))
        await self._driver.cursor().executemany(text, [{**given, **row} for row in rows])


@cache
def _insertion(into: Table, columns: tuple[str, ...]) -> tuple[bytes, Mapping[str, object]]:
    """The insert of those columns and of all others that have a value of their own, and these values."""
    given = {
        column.name: column.default.arg  # type: ignore[attr-defined]  # scalar defaults have it
        for column in into.columns
        if column.name not in columns and column.default is not None and column.default.is_scalar
    }
    names = [*columns, *given]
    text = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(into.name),
        sql.SQL(", ").join(map(sql.Identifier, names)),
        sql.SQL(", ").join(map(sql.Placeholder, names)),
    )
    return text.as_bytes(), given


class Telling(Repository):
    """A repository of whose rows the log is told."""

    def __init__(
        self, connection: AsyncConnection, driver: psycopg.AsyncConnection[Any], *, told: Told
    ) -> None:
        super().__init__(connection, driver)
        self._told = told
