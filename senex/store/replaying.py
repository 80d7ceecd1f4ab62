"""Replay the journal's steps against the tables, at one moment of the books."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from senex.domain.replay import Replay, Step
from senex.ports.views import ReplayView
from senex.store import query_text

if TYPE_CHECKING:
    from psycopg import AsyncCursor


async def replayed(cursor: AsyncCursor[Any]) -> ReplayView:
    """Every step from the first on, then everything as it stands."""
    replay = Replay()
    await cursor.execute(query_text.STEPS.encode())
    async for row in cursor:
        replay.take(Step(*row))
    await cursor.execute(query_text.STANDINGS.encode())
    problem = replay.compare({row.name: row.status for row in await cursor.fetchall()})
    return ReplayView(steps=replay.steps, objects=replay.objects, broken=problem)
