"""Wishes to be out of a spread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from senex.domain.closing import ExitStatus
from senex.store import tables
from senex.store.repositories import rows
from senex.store.repositories.base import Repository, table

if TYPE_CHECKING:
    from uuid import UUID

    from senex.domain.closing import SpreadExit

_exit = table(tables.SpreadExit)
_ORDER = (_exit.c.created_at, _exit.c.id)


class ExitRepository(Repository):
    """``ports.trades.Exits`` on Postgres."""

    async def add(self, wish: SpreadExit) -> None:
        await self._run(
            insert(_exit).values(
                id=wish.id,
                account_id=wish.account_id,
                position_id=wish.position_id,
                spread_key=wish.spread_key,
                cause=wish.cause,
                terms=wish.terms,
                limit_price=wish.limit,
                excess=wish.excess,
                decision_id=wish.decision_id,
                created_at=wish.created_at,
                **_progress(wish),
            )
        )

    async def save(self, wish: SpreadExit) -> None:
        await self._run(update(_exit).where(_exit.c.id == wish.id).values(**_progress(wish)))

    async def of_position(self, position_id: UUID) -> tuple[SpreadExit, ...]:
        found = await self._rows(select(_exit).where(_exit.c.position_id == position_id).order_by(*_ORDER))
        return tuple(map(rows.to_exit, found))

    async def active(self, account_id: UUID) -> tuple[SpreadExit, ...]:
        found = await self._rows(
            select(_exit)
            .where(_exit.c.account_id == account_id, _exit.c.status == ExitStatus.ACTIVE)
            .order_by(*_ORDER)
        )
        return tuple(map(rows.to_exit, found))

    async def were_read(self, account_id: UUID) -> None:
        await self._run(
            update(_exit).where(_exit.c.account_id == account_id, _exit.c.unread).values(unread=False)
        )


def _progress(wish: SpreadExit) -> dict[str, object]:
    return {
        "status": wish.status,
        "session": wish.session,
        "step": wish.step,
        "moves": wish.moves,
        "priced_at": wish.priced_at,
        "unpriced_since": wish.unpriced_since,
        "deaths": wish.deaths,
        "unread": wish.unread,
        "why": wish.why,
    }
