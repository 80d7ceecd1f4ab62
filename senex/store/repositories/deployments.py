"""The one row of the deployment, and what a restored database has to settle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, literal_column, select, update

from senex.domain.backups import BackupState
from senex.domain.deployment import Deployment
from senex.domain.orders import AttemptStatus
from senex.store import tables
from senex.store.repositories import rows
from senex.store.repositories.base import Repository, table
from senex.store.repositories.statements import Query
from senex.store.repositories.transitions import moved
from senex.store.schema import TIMELINE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from senex.domain.orders import Attempt
    from senex.ports.records import Account

_deployment = table(tables.Deployment)
_ONE = Query(select(_deployment))
_attempt = table(tables.Attempt)
_decision = table(tables.Decision)
_result = table(tables.DecisionResult)
_account = table(tables.Account)
_audit = table(tables.Audit)
_backup = table(tables.BackupState)


class DeploymentRepository(Repository):
    """``ports.accounts.Deployments`` on Postgres."""

    async def get(self) -> Deployment:
        row = await self._the(_ONE, "The deployment")
        return Deployment(
            namespace=row.namespace,
            claims=row.claims,
            restored_at=row.restored_at,
            claimed_at=row.claimed_at,
            replaced_by=row.replaced_by,
        )

    async def renew(self, namespace: UUID, now: datetime, *, settled_at: datetime | None) -> None:
        await self._run(
            update(_deployment).values(
                namespace=namespace,
                claims=True,
                restored_at=now,
                claimed_at=settled_at,
                replaced_by=None,
                timeline=literal_column(TIMELINE),
            )
        )

    async def claimed(self, now: datetime) -> None:
        await self._run(
            update(_deployment).values(claims=False, claimed_at=func.coalesce(_deployment.c.claimed_at, now))
        )

    async def replaced(self, by: UUID) -> bool:
        statement = update(_deployment).values(replaced_by=by)
        return bool(await self._run(statement.where(_deployment.c.replaced_by.is_distinct_from(by))))

    async def unsettled(self) -> tuple[Attempt, ...]:
        states = (AttemptStatus.PREPARED, AttemptStatus.SENDING)
        found = await self._rows(select(_attempt).where(_attempt.c.status.in_(states)).with_for_update())
        return tuple(map(rows.to_attempt, found))

    async def doubt(self, attempt_id: UUID, now: datetime, *, why: str) -> None:
        await self._put(*moved(_attempt, attempt_id, AttemptStatus.UNKNOWN, now, why))
        await self._run(
            update(_attempt)
            .where(_attempt.c.id == attempt_id)
            .values(
                status=AttemptStatus.UNKNOWN,
                sending_at=func.coalesce(_attempt.c.sending_at, now),
                sending_machine=func.clock_timestamp(),
                error_code="E_RESTORED",
                error_message=why,
            )
        )

    async def undecided(self) -> tuple[UUID, ...]:
        answered = select(_result.c.decision_id)
        found = await self._rows(
            select(_decision.c.id).where(_decision.c.id.not_in(answered)).order_by(_decision.c.decided_at)
        )
        return tuple(row.id for row in found)

    async def accounts(self) -> tuple[Account, ...]:
        return tuple(map(rows.to_account, await self._rows(select(_account).order_by(_account.c.number))))

    async def latest(self) -> datetime | None:
        row = await self._one(select(func.max(_audit.c.at).label("at")), "The journal")
        at: datetime | None = row.at
        return at

    async def backups(self) -> Mapping[str, BackupState]:
        found = await self._rows(select(_backup, (func.clock_timestamp() - _backup.c.done_at).label("age")))
        return {row.kind: BackupState(row.age, "" if row.ok else row.detail) for row in found}
