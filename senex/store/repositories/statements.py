"""How a transaction talks to Postgres: texts compiled once, and as few round trips as the answers allow.

What only writes waits for the next question, or for the commit, and goes with it. Questions that are asked
together are one statement and see one moment; a question that locks stands alone, so that what comes after it
is read once the lock is ours.
"""

from __future__ import annotations

import json
from collections import namedtuple
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from functools import cache, cached_property, lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from psycopg import AsyncRawCursor, OperationalError
from psycopg.pq import TransactionStatus
from psycopg.rows import namedtuple_row
from sqlalchemy import Table, Text, TypeDecorator, bindparam, cast, func, insert, select
from sqlalchemy.dialects.postgresql.psycopg import dialect

from senex.domain.money import plain
from senex.store.told import Told

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import psycopg
    from sqlalchemy import CursorResult
    from sqlalchemy.ext.asyncio import AsyncConnection
    from sqlalchemy.sql import Executable
    from sqlalchemy.sql.compiler import SQLCompiler
    from sqlalchemy.sql.elements import ClauseElement
    from sqlalchemy.types import TypeEngine

_AT_ONCE = 8
"""Rows one statement inserts; there is a text for each number of them."""
_DIALECT = dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]  # Postgres' own: the driver reads no text
_FROM_JSON: Mapping[type, Callable[[Any], object] | None] = {
    UUID: lru_cache(4096)(UUID),  # accounts, positions and orders come again and again
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    Decimal: lambda value: plain(Decimal(value)),
    bytes: lambda value: bytes.fromhex(value.removeprefix("\\x")),
    str: None,
    int: None,
    bool: None,
}


class _Compiled(NamedTuple):
    """A statement's text, the names of its parameters in their order, and those that never change."""

    text: bytes
    names: tuple[str, ...]
    given: Mapping[str, object]

    def with_values(self, values: Mapping[str, object]) -> tuple[bytes, list[object]]:
        """As the driver takes it."""
        known = {**self.given, **values}
        return self.text, [known[name] for name in self.names]


class Query:
    """What is asked with named parameters, compiled once.

    ``alone``: not in one statement with others, since it locks, or is no select. It may write ``columns``.
    """

    def __init__(self, statement: Any, *, alone: bool = False, columns: tuple[str, ...] = ()) -> None:
        self.statement = statement
        self.alone = alone
        self._columns = columns

    @cached_property
    def compiled(self) -> _Compiled:
        """Its text, once made."""
        return _compiled(self.statement, self._columns)

    def answers(self, found: list[Any]) -> list[list[Any]]:
        """The rows of each question it asks."""
        return [found]

    def rows(self, told: list[list[Any]] | None) -> list[Any]:
        """Its rows as they come out of JSON."""
        made, readers = self._shape
        for row in told or ():
            for place, read in readers:
                if row[place] is not None:
                    row[place] = read(row[place])
        return list(map(made, told or ()))

    @cached_property
    def _shape(self) -> tuple[Callable[[list[Any]], Any], list[tuple[int, Callable[[Any], object]]]]:
        columns = self.statement.subquery().c
        readers = [(place, _reader(column.type)) for place, column in enumerate(columns)]
        row = namedtuple("Row", columns.keys())  # type: ignore[misc]  # noqa: PYI024  its fields are the select's
        return row._make, [(place, read) for place, read in readers if read is not None]


class _Together(Query):
    """Several questions in one statement: their rows come as JSON, a statement each would cost twice as much."""

    def __init__(self, queries: Sequence[Query]) -> None:
        self._queries = queries
        parts = (query.statement.subquery() for query in queries)
        listed = (select(func.json_agg(func.json_build_array(*part.c))).scalar_subquery() for part in parts)
        super().__init__(select(cast(func.json_build_array(*listed), Text)))

    def answers(self, found: list[Any]) -> list[list[Any]]:
        told = json.loads(found[0][0], parse_float=Decimal)
        return [query.rows(part) for query, part in zip(self._queries, told, strict=True)]


class Statements:
    """What one transaction says; ``told`` are the log's lines of it."""

    def __init__(self, connection: AsyncConnection, driver: psycopg.AsyncConnection[Any]) -> None:
        self.driver = driver
        self.told = Told()
        self.wrote = False
        self._connection = connection
        self._waiting: list[tuple[bytes, Sequence[object]]] = []

    def write(self, into: ClauseElement, rows: Sequence[Mapping[str, object]]) -> None:
        """Have a statement that is always the same run with each of the rows, or have them inserted into a table."""
        if not isinstance(into, Table):
            for row in rows:
                self._waiting.append(_writing(into, tuple(row)).with_values(row))
            return
        for start in range(0, len(rows), _AT_ONCE):
            some = rows[start : start + _AT_ONCE]
            told = {f"{name}_{place}": row[name] for place, row in enumerate(some) for name in row}
            self._waiting.append(_inserting(into, tuple(some[0]), len(some)).with_values(told))

    async def ask(self, values: Mapping[str, object], queries: Sequence[Query]) -> list[list[Any]]:
        """The rows of each query."""
        asked = []
        async with self.driver.pipeline():
            await self._send()
            for query in _asked(tuple(queries)):
                self.wrote |= not query.statement.is_select
                cursor = AsyncRawCursor(self.driver, row_factory=namedtuple_row)
                await cursor.execute(*query.compiled.with_values(values))
                asked.append((query, cursor))
        return [rows for query, cursor in asked for rows in query.answers(await cursor.fetchall())]

    async def execute(
        self,
        statement: Executable,
        values: Mapping[str, object] | Sequence[Mapping[str, object]] | None = None,
    ) -> CursorResult[Any]:
        """A statement of another kind each time, through SQLAlchemy."""
        if self._waiting:
            async with self.driver.pipeline():
                await self._send()
        self.wrote |= not statement.is_select
        return await self._connection.execute(statement, values)

    async def commit(self) -> None:
        """Make it durable."""
        if not self._waiting:
            await self.driver.commit()
            return
        async with self.driver.pipeline():
            await self._send()
            await self.driver.execute("COMMIT", prepare=False)  # ``commit()`` would wait for itself alone

    async def end(self) -> None:
        """Let go of a transaction that only read or locked.

        It is committed, since a rollback has the driver forget what it has prepared on the connection; a lock
        alone would then wait for the disk.
        """
        if self.wrote or self.driver.info.transaction_status is not TransactionStatus.INTRANS:
            return
        with suppress(OperationalError):  # it was lost, and nothing with it
            async with self.driver.pipeline():
                await self.driver.execute("SET LOCAL synchronous_commit TO off", prepare=False)
                await self.driver.execute("COMMIT", prepare=False)

    async def _send(self) -> None:
        self.wrote |= bool(self._waiting)
        waiting, self._waiting = self._waiting, []
        cursor = AsyncRawCursor(self.driver)
        for text, values in waiting:
            await cursor.execute(text, values)


@cache
def _asked(queries: tuple[Query, ...]) -> list[Query]:
    asked: list[Query] = []
    for alone, some in groupby(queries, key=lambda query: query.alone):
        each = list(some)
        asked += each if alone or len(each) == 1 else [_Together(each)]
    return asked


@cache
def _writing(into: ClauseElement, columns: tuple[str, ...]) -> _Compiled:
    return _compiled(into, columns)


@cache
def _inserting(into: Table, columns: tuple[str, ...], rows: int) -> _Compiled:
    """Inserting rows of those columns, and of all others that have a value of their own; and these values."""
    told = [
        {name: bindparam(f"{name}_{place}", type_=into.c[name].type) for name in columns}
        for place in range(rows)
    ]
    return _compiled(insert(into).inline().values(told))


def _compiled(statement: ClauseElement, columns: tuple[str, ...] = ()) -> _Compiled:
    compiled: SQLCompiler = statement.compile(dialect=_DIALECT, column_keys=list(columns) or None)  # type: ignore[assignment]
    given = {name: value for name, value in compiled.params.items() if not compiled.binds[name].required}
    defaults = {column.key: column.default.arg for column in compiled.insert_prefetch}  # type: ignore[union-attr]
    return _Compiled(str(compiled).encode(), tuple(compiled.positiontup or ()), given | defaults)


def _reader(kind: TypeEngine[Any]) -> Callable[[Any], object] | None:
    """What makes of a JSON value what the driver would make of the column."""
    if isinstance(kind, TypeDecorator):
        return _reader(kind.impl_instance)
    if kind.python_type is not list:
        return _FROM_JSON[kind.python_type]
    each = _reader(kind.item_type)  # type: ignore[attr-defined]  # arrays have it
    return each and (lambda values: [value if value is None else each(value) for value in values])
