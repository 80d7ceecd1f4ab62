"""Whether a process of the daemon lives, by its heartbeats."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from senex.ports.views import ProcessView
from senex.store import query_text
from senex.store.session import Session

if TYPE_CHECKING:
    from psycopg import AsyncCursor

FRESH = 5.0
"""Seconds without a heartbeat after which a process counts as gone; it beats every second."""


async def beating(url: str, name: str, host: str | None) -> tuple[ProcessView, ...]:
    """Processes of that name (``worker`` is all workers), on ``host`` only when given, that live.

    Raises:
        Unavailable: ``E_POSTGRES_AWAY``.
    """
    session = Session(url, name="health", read_only=True)

    async def read(cursor: AsyncCursor[Any]) -> tuple[ProcessView, ...]:
        await cursor.execute(query_text.PROCESSES.encode())
        return tuple(
            ProcessView(row.name, row.instance, row.age, row.detail) for row in await cursor.fetchall()
        )

    try:
        found = await session.run(read)
    finally:
        await session.close()
    return tuple(
        process
        for process in found
        if process.name.split()[0] == name
        and process.age <= FRESH
        and (host is None or re.split("[@:/]", process.instance)[1:2] == [host])
    )
