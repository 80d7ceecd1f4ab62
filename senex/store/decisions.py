"""Decisions as a console puts them down: one INSERT, psycopg only.

The console's role may insert here and read what is inserted, no more; a
trigger of the owner's makes it work for the daemon.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from psycopg import errors

from senex.domain.decisions import Decision
from senex.domain.errors import UsageProblem
from senex.ports.views import DecidedView
from senex.store.session import DEADLINE, Session

if TYPE_CHECKING:
    from psycopg import AsyncCursor

_COLUMNS = tuple(field.name for field in fields(Decision))
_INSERT = (
    f"INSERT INTO decision ({', '.join(_COLUMNS)}) "  # noqa: S608  only names of fields are put in
    f"VALUES ({', '.join(f'%({name})s' for name in _COLUMNS)})"
).encode()
_DECIDED = b"""
SELECT id, kind, operator, terminal, decided_at FROM decision
WHERE suggestion_id = %s AND version = %s AND kind IN ('approve', 'reject')
"""
_KNOWS = b"SELECT operator_knows(%s, %s, %s)"


class Decisions:
    """``ports.console.Decisions`` on Postgres, on one connection that comes back by itself."""

    def __init__(self, url: str, *, deadline: float = DEADLINE) -> None:
        self._session = Session(
            url, name="console decisions", read_only=False, checked=True, deadline=deadline
        )

    async def close(self) -> None:
        await self._session.close()

    async def add(self, decision: Decision) -> DecidedView | None:
        values = {name: getattr(decision, name) for name in _COLUMNS} | {"options": list(decision.options)}

        async def insert(cursor: AsyncCursor[Any]) -> None:
            await cursor.execute(_INSERT, values)

        try:
            await self._session.run(insert)
        except errors.UniqueViolation as problem:
            if problem.diag.constraint_name == "decision_pkey":
                return None  # ours: its commit was done, only the answer was lost
            return await self._earlier(decision)
        except errors.IntegrityError as problem:
            raise UsageProblem(
                "E_DECISION",
                f"The decision does not fit the books ({problem.diag.message_primary}); look again, then decide anew.",
            ) from problem
        return None

    async def knows(self, operator: str, verifier: bytes, *, terminal: str) -> bool:
        async def ask(cursor: AsyncCursor[Any]) -> bool:
            await cursor.execute(_KNOWS, (operator, verifier, terminal))
            row = await cursor.fetchone()
            return bool(row and row[0])

        return await self._session.run(ask)

    async def _earlier(self, decision: Decision) -> DecidedView | None:
        async def find(cursor: AsyncCursor[Any]) -> Any:
            await cursor.execute(_DECIDED, (decision.suggestion_id, decision.version))
            return await cursor.fetchone()

        row = await self._session.run(find)
        if row.id == decision.id:
            return None  # ours, asked for twice
        return DecidedView(row.kind, row.operator, row.terminal, row.decided_at)
