"""What every repository shares."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from psycopg import errors
from sqlalchemy import literal_column
from sqlalchemy.exc import OperationalError

from senex.domain.errors import SenexError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Label, Table
    from sqlalchemy.engine import Row
    from sqlalchemy.sql import Executable
    from sqlalchemy.sql.elements import ClauseElement
    from sqlmodel import SQLModel

    from senex.store.repositories.statements import Query, Statements


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
    """A statement that waits for the journal's writers, or holds them up, only so long.

    Raises:
        Unavailable: ``E_JOURNAL_BUSY``, saying what comes ``later``.
    """
    try:
        yield
    except OperationalError as problem:
        if isinstance(problem.orig, errors.LockNotAvailable | errors.QueryCanceled):
            raise Unavailable("E_JOURNAL_BUSY", f"The journal is being written; {later}.") from problem
        raise


class Repository:
    """Runs statements in the unit of work's transaction."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    async def _ask(self, *queries: Query, **values: object) -> list[list[Any]]:
        """Ask several compiled queries with the same values in one round trip."""
        return await self._statements.ask(values, queries)

    async def _the(self, query: Query, what: str, **values: object) -> Any:
        """The one row of a compiled query."""
        (found,) = await self._ask(query, **values)
        if not found:
            raise missing(what)
        return found[0]

    async def _rows(self, statement: Executable) -> list[Row[Any]]:
        return list((await self._statements.execute(statement)).all())

    async def _row(self, statement: Executable) -> Row[Any] | None:
        return (await self._statements.execute(statement)).first()

    async def _one(self, statement: Executable, what: str) -> Row[Any]:
        row = await self._row(statement)
        if row is None:
            raise missing(what)
        return row

    async def _run(self, statement: Executable) -> int:
        return (await self._statements.execute(statement)).rowcount

    async def _put(self, into: ClauseElement, row: Mapping[str, object]) -> None:
        """Run a statement that is always the same with one row, or insert it into a table; with what comes next."""
        self._statements.write(into, [row])

    async def _insert(self, into: ClauseElement, rows: Sequence[Mapping[str, object]]) -> None:
        """The same with rows of the same columns."""
        self._statements.write(into, rows)
