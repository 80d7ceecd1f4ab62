"""Outbox rows, audit notes and raw broker messages."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from sqlalchemy import Interval, and_, bindparam, cast, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import REGCLASS
from sqlalchemy.dialects.postgresql import insert as upsert

from senex.domain.seal import NO_ACCOUNT, AuditRow, Seal
from senex.ports.broker import RawMessage
from senex.store import tables
from senex.store.repositories.base import Repository, journal_busy, table
from senex.store.repositories.selects import ID
from senex.store.repositories.statements import Query

if TYPE_CHECKING:
    from datetime import date, datetime, timedelta

    from senex.domain.orders import Order
    from senex.ports.records import Work

_outbox = table(tables.Outbox)
_audit = table(tables.Audit)
_message = table(tables.BrokerMessage)
_seal = table(tables.AuditSeal)

_ROW = [field.name for field in fields(AuditRow)]
_SEAL = [field.name for field in fields(Seal)]
_PATIENCE = "500ms"
"""How long sealing, and waiting to open a month, hold up writers at most."""
_MOVED_WITHIN = "5s"
"""How long moving what lies elsewhere of a month may hold up writers."""


_BRIEFLY = select(
    func.set_config("lock_timeout", _PATIENCE, True),  # noqa: FBT003  until the transaction ends
    func.set_config("statement_timeout", _MOVED_WITHIN, True),  # noqa: FBT003
)
_MESSAGE = Query(select(_message.c.account_id, _message.c.body).where(_message.c.id == ID))
_ADD = (
    upsert(_outbox)
    .values(lease_until=func.clock_timestamp() + bindparam("delay", type_=Interval))
    .on_conflict_do_nothing(index_elements=["dedupe_key"])
    .inline()  # nobody asks for the new id, so that this can go at once with more
)
_DONE = (
    update(_outbox).where(_outbox.c.id == bindparam("row")).values(done_at=func.clock_timestamp(), error=None)
)


class OutboxRepository(Repository):
    """``ports.journal.OutboxWriter`` on Postgres."""

    async def add(
        self,
        job: str,
        subject: str,
        *,
        queue: str,
        account_id: UUID | None = None,
        dedupe_key: str | None = None,
        delay: timedelta | None = None,
    ) -> None:
        await self._put(
            _ADD,
            {
                "account_id": account_id,
                "queue": queue,
                "job": job,
                "subject": subject,
                "dedupe_key": dedupe_key,
                "delay": delay,
            },
        )

    async def done(self, work: Work) -> None:
        await self._put(_DONE, {"row": work.id})


class JournalRepository(Repository):
    """``ports.journal.Journal`` on Postgres."""

    async def note(
        self,
        action: str,
        *,
        actor: str,
        object_type: str,
        object_id: str,
        now: datetime,
        account_id: UUID | None = None,
        before: str | None = None,
        after: str | None = None,
        why: str = "",
    ) -> None:
        await self._put(
            _audit,
            {
                "id": uuid4(),
                "at": now,
                "account_id": account_id,
                "actor": actor,
                "action": action,
                "object_type": object_type,
                "object_id": object_id,
                "before": before,
                "after": after,
                "why": why,
            },
        )
        account = None if account_id is None else str(account_id)
        self._statements.told.noted(
            action,
            object_type,
            object_id,
            account=account,
            actor=actor,
            before=before,
            after=after,
            why=why,
        )

    async def note_order(
        self,
        action: str,
        order: Order,
        *,
        actor: str,
        now: datetime,
        before: str | None = None,
        after: str | None = None,
        why: str = "",
    ) -> None:
        await self.note(
            action,
            actor=actor,
            object_type="order",
            object_id=str(order.id),
            account_id=order.account_id,
            before=before,
            after=after,
            why=why,
            now=now,
        )

    async def open_month(self, day: date) -> None:
        await self._run(_BRIEFLY)
        with journal_busy("its months are opened later"):
            for parent in (_audit, _message):
                await self._run(select(func.make_month(cast(parent.name, REGCLASS), day)))

    async def message(self, message_id: UUID) -> tuple[UUID | None, str]:
        row = await self._the(_MESSAGE, "The broker message", id=message_id)
        return row.account_id, row.body

    async def order_messages(
        self, account_id: UUID, number: str, *, since: datetime
    ) -> tuple[RawMessage, ...]:
        answers = (
            _message.c.path.contains(f"/accounts/{number}/orders", autoescape=True),
            _message.c.path.not_like("%/dry-run"),
            _message.c.status.between(200, 299),
        )
        alerts = (_message.c.account_id == account_id, _message.c.source == "alert")
        found = await self._rows(
            select(_message.c.at, _message.c.source, _message.c.path, _message.c.body)
            .where(_message.c.at >= since, or_(and_(*alerts), and_(*answers)))
            .order_by(_message.c.at)
        )
        return tuple(RawMessage(**row._asdict()) for row in found)

    async def newest_seal(self, chain: UUID) -> Seal | None:
        row = await self._row(
            select(_seal).where(_seal.c.chain == chain).order_by(_seal.c.ordinal.desc()).limit(1)
        )
        return None if row is None else Seal(**{name: getattr(row, name) for name in _SEAL})

    async def settled(self) -> int:
        await self._run(text(f"SET LOCAL lock_timeout = '{_PATIENCE}'"))
        with journal_busy("it is sealed later"):
            row = await self._one(select(func.audit_settled().label("serial")), "The audit")
        serial: int = row.serial
        return serial

    async def rows_after(self, chain: UUID, serial: int, *, until: int, limit: int) -> tuple[AuditRow, ...]:
        owner = _audit.c.account_id.is_(None) if chain == NO_ACCOUNT else _audit.c.account_id == chain
        rows = await self._rows(
            select(*(_audit.c[name] for name in _ROW))
            .where(owner, _audit.c.serial > serial, _audit.c.serial <= until)
            .order_by(_audit.c.serial)
            .limit(limit)
        )
        return tuple(AuditRow(**row._asdict()) for row in rows)

    async def add_seal(self, seal: Seal, now: datetime) -> bool:
        values = asdict(seal) | {"sealed_at": now}
        stored = upsert(_seal).values(values).on_conflict_do_nothing().returning(_seal.c.ordinal)
        return await self._row(stored) is not None
