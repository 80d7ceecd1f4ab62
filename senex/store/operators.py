"""Operators, written as the database's owner: no console may make itself a trader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from senex.ports.views import OperatorView
from senex.store.session import Session

if TYPE_CHECKING:
    from psycopg import AsyncCursor

_ADD = b"""
INSERT INTO operator (name, role) VALUES (%s, %s)
ON CONFLICT (name) DO UPDATE SET role = excluded.role
"""
_PASSPHRASE = b"UPDATE operator SET salt = %s, verifier = %s WHERE name = %s"
_ALL = b"SELECT name, role, salt FROM operator ORDER BY name"


class Operators:
    """Who may decide."""

    def __init__(self, url: str) -> None:
        self._session = Session(url, name="operators", read_only=False, setting="SENEX_MIGRATOR_DATABASE_URL")

    async def close(self) -> None:
        await self._session.close()

    async def all(self) -> tuple[OperatorView, ...]:
        """Everybody."""

        async def read(cursor: AsyncCursor[Any]) -> tuple[OperatorView, ...]:
            await cursor.execute(_ALL)
            return tuple(OperatorView(row.name, row.role, row.salt) for row in await cursor.fetchall())

        return await self._session.run(read)

    async def add(self, name: str, role: str) -> None:
        """Make somebody a trader or a viewer."""

        async def write(cursor: AsyncCursor[Any]) -> None:
            await cursor.execute(_ADD, (name, role))

        await self._session.run(write)

    async def set_passphrase(self, name: str, salt: bytes, verifier: bytes) -> bool:
        """Replace the passphrase's verifier; false when there is nobody of that name."""

        async def write(cursor: AsyncCursor[Any]) -> bool:
            await cursor.execute(_PASSPHRASE, (salt, verifier, name))
            return cursor.rowcount == 1

        return await self._session.run(write)
