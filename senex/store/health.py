"""What health is judged by, read at one moment. Only psycopg is imported: health checks are asked all day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from senex.ports.views import AlarmView, JobHealthView, ProcessView, SourceView, Vitals
from senex.store import query_text
from senex.store.session import Session

if TYPE_CHECKING:
    from psycopg import AsyncCursor


async def look(url: str) -> Vitals:
    """Ask Postgres once.

    Raises:
        Unavailable: ``E_POSTGRES_AWAY``.
        UsageProblem: ``E_DATABASE_SCHEMA``, ``E_DATABASE_NEWER`` or ``E_DATABASE_ROLE``.
    """
    session = Session(url, name="health", read_only=True, checked=True)

    async def read(cursor: AsyncCursor[Any]) -> Vitals:
        async def rows(query: str) -> list[dict[str, Any]]:
            await cursor.execute(query.encode(), {"account": None})
            return [row._asdict() for row in await cursor.fetchall()]

        return Vitals(
            processes=tuple(ProcessView(**row) for row in await rows(query_text.PROCESSES)),
            sources=tuple(SourceView(**row) for row in await rows(query_text.SOURCES)),
            jobs=tuple(JobHealthView(**row) for row in await rows(query_text.JOB_HEALTH)),
            alarms=tuple(AlarmView(**row) for row in await rows(query_text.ALARMS)),
        )

    try:
        return await session.run(read)
    finally:
        await session.close()
