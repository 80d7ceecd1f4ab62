"""Wishes to be out of a spread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, insert, select, update

from senex.domain.closing import ExitStatus
from senex.store import tables
from senex.store.repositories import rows
from senex.store.repositories.base import Repository, table
from senex.store.repositories.selects import ID
from senex.store.repositories.statements import Query

if TYPE_CHECKING:
    from uuid import UUID

    from senex.domain.closing import SpreadExit

_exit = table(tables.SpreadExit)
_every = select(_exit).order_by(_exit.c.created_at, _exit.c.id)
_OF_POSITION = Query(_every.where(_exit.c.position_id == ID))
_ACTIVE = Query(_every.where(_exit.c.account_id == ID, _exit.c.status == ExitStatus.ACTIVE))
_READ = update(_exit).where(_exit.c.account_id == bindparam("of"), _exit.c.unread).values(unread=False)


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
        (found,) = await self._ask(_OF_POSITION, id=position_id)
        return tuple(map(rows.to_exit, found))

    async def active(self, account_id: UUID) -> tuple[SpreadExit, ...]:
        (found,) = await self._ask(_ACTIVE, id=account_id)
        return tuple(map(rows.to_exit, found))

    async def were_read(self, account_id: UUID) -> None:
        await self._put(_READ, {"of": account_id})


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
