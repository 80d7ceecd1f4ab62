"""What every repository shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from senex.domain.errors import SenexError

if TYPE_CHECKING:
    from sqlalchemy import Table
    from sqlalchemy.engine import Row
    from sqlalchemy.ext.asyncio import AsyncConnection
    from sqlalchemy.sql import Executable
    from sqlmodel import SQLModel


def table(model: type[SQLModel]) -> Table:
    """The table behind a row class."""
    return cast("Table", model.__table__)  # type: ignore[attr-defined]  # SQLModel adds it at class creation


class Missing(SenexError):
    """A row that must be there is not: the books were changed behind our back."""


class Repository:
    """Runs statements in the unit of work's transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def _rows(self, statement: Executable) -> list[Row[Any]]:
        return list((await self._connection.execute(statement)).all())

    async def _row(self, statement: Executable) -> Row[Any] | None:
        return (await self._connection.execute(statement)).first()

    async def _one(self, statement: Executable, what: str) -> Row[Any]:
        row = await self._row(statement)
        if row is None:
            raise Missing("E_MISSING_ROW", f"{what} is not in the database; run `senex doctor`.")
        return row

    async def _run(self, statement: Executable) -> int:
        return (await self._connection.execute(statement)).rowcount
