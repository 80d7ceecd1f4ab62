"""What operators let senex decide, and the one automated entry of each day."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from senex.domain.automation import AutomatedEntry, Automation
from senex.domain.decisions import Outcome
from senex.domain.orders import OrderKind, OrderStatus
from senex.store import tables
from senex.store.repositories.base import Repository, table

if TYPE_CHECKING:
    from datetime import date, datetime
    from uuid import UUID

_automation = table(tables.Automation)
_day = table(tables.AutomationDay)
_decision = table(tables.Decision)
_result = table(tables.DecisionResult)
_order = table(tables.TradeOrder)
_leg = table(tables.OrderLeg)
_KEY = ["account_id", "day"]


class AutomationRepository(Repository):
    """``ports.accounts.Automations`` on Postgres."""

    async def get(self, account_id: UUID) -> Automation | None:
        row = await self._row(select(_automation).where(_automation.c.account_id == account_id))
        if row is None:
            return None
        return Automation(
            enabled=row.enabled,
            underlying=row.underlying,
            strategy=row.strategy,
            repeat_until_filled=row.repeat_until_filled,
            max_loss=row.max_loss,
            min_score=row.min_score,
        )

    async def set(self, account_id: UUID, automation: Automation, *, by: str, now: datetime) -> None:
        told = {**asdict(automation), "set_by": by, "set_at": now}
        statement = upsert(_automation).values(account_id=account_id, **told)
        await self._run(statement.on_conflict_do_update(index_elements=["account_id"], set_=told))

    async def entry(self, account_id: UUID, day: date) -> AutomatedEntry | None:
        filled = select(func.coalesce(func.sum(_leg.c.filled), 0)).where(_leg.c.order_id == _order.c.id)
        row = await self._row(
            select(
                _decision.c.id,
                _decision.c.decided_at,
                _result.c.outcome,
                _order.c.id.label("order_id"),
                _order.c.status,
                _order.c.cancel_requested_at,
                filled.scalar_subquery().label("filled"),
            )
            .select_from(_day)
            .join(_decision, _decision.c.id == _day.c.decision_id)
            .outerjoin(_result, _result.c.decision_id == _decision.c.id)
            .outerjoin(_order, and_(_order.c.decision_id == _decision.c.id, _order.c.kind == OrderKind.ENTRY))
            .where(_day.c.account_id == account_id, _day.c.day == day)
            .order_by(_order.c.created_at.desc())
            .limit(1)
        )
        if row is None:
            return None
        return AutomatedEntry(
            decision_id=row.id,
            decided_at=row.decided_at,
            outcome=None if row.outcome is None else Outcome(row.outcome),
            order_id=row.order_id,
            status=None if row.status is None else OrderStatus(row.status),
            filled=row.filled,
            cancel_requested=row.cancel_requested_at is not None,
        )

    async def claim(
        self, account_id: UUID, day: date, decision_id: UUID, *, instead_of: UUID | None, now: datetime
    ) -> bool:
        told = {"decision_id": decision_id, "skipped": None, "at": now}
        statement = (
            upsert(_day)
            .values(account_id=account_id, day=day, **told)
            .on_conflict_do_update(
                index_elements=_KEY, set_=told, where=_day.c.decision_id.is_not_distinct_from(instead_of)
            )
            .returning(_day.c.day)
        )
        return await self._row(statement) is not None

    async def skipped(self, account_id: UUID, day: date, why: str, now: datetime) -> bool:
        told = {"skipped": why, "at": now}
        before = await self._row(
            select(_day.c.skipped).where(_day.c.account_id == account_id, _day.c.day == day).with_for_update()
        )
        if before is not None and before.skipped == why:
            await self._run(
                update(_day).where(_day.c.account_id == account_id, _day.c.day == day).values(at=now)
            )
            return False
        statement = upsert(_day).values(account_id=account_id, day=day, **told)
        await self._run(statement.on_conflict_do_update(index_elements=_KEY, set_=told))
        return True
