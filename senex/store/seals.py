"""Verify the journal's seals: every row and every seal read again, at one moment of the books."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from senex.domain.seal import NO_ACCOUNT, AuditRow, Seal, broken
from senex.ports.views import ChainView
from senex.store import query_text

if TYPE_CHECKING:
    from uuid import UUID

    from psycopg import AsyncCursor


async def verify(cursor: AsyncCursor[Any]) -> tuple[ChainView, ...]:
    """Each chain up to its first broken seal. ``unsealed`` rows came after the newest seal."""
    await cursor.execute(query_text.CHAINS.encode(), {"nobody": NO_ACCOUNT})
    return tuple([await _chain(cursor, row.chain, row.number) for row in await cursor.fetchall()])


async def _chain(cursor: AsyncCursor[Any], chain: UUID, number: str | None) -> ChainView:
    await cursor.execute(query_text.SEALS.encode(), {"chain": chain})
    seals = [Seal(*row) for row in await cursor.fetchall()]
    last: Seal | None = None
    problem = None
    for each in seals:
        # from the end of the seal before, so that a row put in between is seen
        span = {"above": 0 if last is None else last.last_serial, "last": each.last_serial}
        await cursor.execute(query_text.SEALED_ROWS.encode(), {"chain": chain, "nobody": NO_ACCOUNT, **span})
        rows = [AuditRow(*row) for row in await cursor.fetchall()]
        problem = broken(each, rows, after=last)
        if problem is not None:
            break
        last = each
    end = {"last": seals[-1].last_serial if seals else 0}
    await cursor.execute(query_text.UNSEALED.encode(), {"chain": chain, "nobody": NO_ACCOUNT, **end})
    [(unsealed,)] = await cursor.fetchall()
    return ChainView(
        account_number=number,
        seals=len(seals),
        sealed=sum(each.rows for each in seals),
        unsealed=unsealed,
        digest=seals[-1].digest if seals else None,
        broken=problem,
    )
