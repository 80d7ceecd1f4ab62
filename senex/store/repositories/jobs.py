"""The schedule and its work, as an operator steers them."""

from __future__ import annotations

from sqlalchemy import select, update

from senex.store import tables
from senex.store.repositories.base import Repository, table

_schedule = table(tables.JobSchedule)
_outbox = table(tables.Outbox)


class JobRepository(Repository):
    """``ports.unit_of_work.Jobs`` on Postgres."""

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

    async def retry(self, outbox_id: int) -> str | None:
        statement = (
            update(_outbox)
            .where(_outbox.c.id == outbox_id, _outbox.c.done_at.is_(None), _outbox.c.error.is_not(None))
            .values(lease_until=None)
            .returning(_outbox.c.job)
        )
        row = await self._row(statement)
        return None if row is None else row.job
