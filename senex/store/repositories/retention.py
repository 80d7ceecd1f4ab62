"""Forgets in batches; what is history goes through functions of the database, which have limits of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, exists, func, select, tuple_

from senex.store import tables
from senex.store.repositories.base import Repository, journal_busy, table

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from sqlalchemy.sql.functions import Function

_outbox = table(tables.Outbox)
_slot = table(tables.JobSlot)
_notice = table(tables.Notification)
_SLOT_KEY = (_slot.c.timeline, _slot.c.name, _slot.c.slot)


class RetentionRepository(Repository):
    """``ports.retention.Retention`` on Postgres."""

    async def orders(self, before: datetime, limit: int) -> int:
        return await self._call(func.forget_orders(before, limit))

    async def suggestions(self, before: datetime, limit: int) -> int:
        return await self._call(func.forget_suggestions(before, limit))

    async def slots(self, before: datetime, limit: int) -> int:
        old = select(*_SLOT_KEY).where(_slot.c.slot < before).limit(limit)
        return await self._run(delete(_slot).where(tuple_(*_SLOT_KEY).in_(old)))

    async def work(self, age: timedelta, limit: int) -> int:
        old = (
            select(_outbox.c.id)
            .where(
                _outbox.c.done_at < func.clock_timestamp() - age,
                ~exists().where(_slot.c.outbox_id == _outbox.c.id),
            )
            .order_by(_outbox.c.id)
            .limit(limit)
        )
        return await self._run(delete(_outbox).where(_outbox.c.id.in_(old)))

    async def notices(self, before: datetime, limit: int) -> int:
        old = select(_notice.c.id).where(_notice.c.at < before).limit(limit)
        return await self._run(delete(_notice).where(_notice.c.id.in_(old)))

    async def messages(self, before: datetime) -> int:
        with journal_busy("its old months go later"):
            return await self._call(func.forget_messages(before))

    async def _call(self, function: Function[int]) -> int:
        row = await self._one(select(function.label("gone")), "The answer")
        gone: int = row.gone
        return gone
