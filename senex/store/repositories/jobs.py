"""The schedule and its work, as an operator steers them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import or_, select, text, update

from senex.store import tables
from senex.store.left_over import leave
from senex.store.repositories.base import Repository, table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

_MINUTES = 8
"""Offers after which work has failed for a minute or more (``senex.store.outbox``)."""
_LEAVE = text(leave(made="outbox.dedupe_key = :made", job=":job"))
_schedule = table(tables.JobSchedule)
_outbox = table(tables.Outbox)


class JobRepository(Repository):
    """``ports.journal.Jobs`` on Postgres."""

    async def queue_of(self, job: str) -> str | None:
        row = await self._row(select(_schedule.c.queue).where(_schedule.c.name == job))
        return None if row is None else row.queue

    async def names(self) -> tuple[str, ...]:
        return tuple(
            row.name for row in await self._rows(select(_schedule.c.name).order_by(_schedule.c.name))
        )

    async def enable(self, job: str, *, enabled: bool) -> bool:
        statement = (
            update(_schedule)
            .where(_schedule.c.name == job, _schedule.c.enabled.is_not(enabled))
            .values(enabled=enabled)
        )
        return await self._run(statement) > 0

    async def take_over(self, job: str, made: str) -> None:
        await self._run(_LEAVE.bindparams(job=job, made=made))

    async def failing(self, account_id: UUID) -> Mapping[str, str]:
        rows = await self._rows(
            select(_outbox.c.job, _outbox.c.error)
            .where(
                _outbox.c.done_at.is_(None),
                _outbox.c.error.is_not(None),
                _outbox.c.offers >= _MINUTES,
                or_(_outbox.c.account_id == account_id, _outbox.c.account_id.is_(None)),
            )
            .order_by(_outbox.c.id)
        )
        return {row.job: row.error for row in rows}

    async def retry(self, outbox_id: int) -> str | None:
        statement = (
            update(_outbox)
            .where(_outbox.c.id == outbox_id, _outbox.c.done_at.is_(None), _outbox.c.error.is_not(None))
            .values(lease_until=None)
            .returning(_outbox.c.job)
        )
        row = await self._row(statement)
        return None if row is None else row.job
