"""Notices, and what channels are owed."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import Boolean, bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from senex.domain.alarms import Alarm, Severity
from senex.domain.notices import ESCALATION, Level, Mode, Notice
from senex.ports.records import QueuedNotice, RaisedAlarm
from senex.store import tables
from senex.store.repositories.base import Repository, table
from senex.store.repositories.statements import Query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from sqlalchemy.engine import Row

_notice = table(tables.Notification)
_delivery = table(tables.Delivery)
_preference = table(tables.NotifyPreference)
_operator = table(tables.Operator)
_alarm = table(tables.Alarm)
_NOW = func.statement_timestamp()
_adding = upsert(_notice)
_given = _adding.excluded
_news = (
    (_notice.c.level != Level.CRITICAL)
    | _notice.c.alarm_id.is_distinct_from(_given.alarm_id)
    | (_notice.c.at < bindparam("since", type_=_notice.c.at.type))
)
_other = bindparam("anew", type_=Boolean) & (_notice.c.text != _given.text)
_ADD = Query(
    _adding.on_conflict_do_update(
        index_elements=["event", "object_type", "object_id", "account_id", "day"],
        set_={
            "level": _given.level,
            "title": _given.title,
            "text": _given.text,
            "at": _given.at,
            "alarm_id": _given.alarm_id,
            "seen_at": None,
            "seen_by": None,
        },
        where=((_given.level == Level.CRITICAL) & _news) | _other,
    ).returning(_notice.c.id),
    alone=True,
    columns=("id", "at", "day", *(field.name for field in fields(Notice) if field.name in _notice.c)),
)
_MODES = Query(
    select(_operator.c.name, func.coalesce(_preference.c.mode, Mode.SUMMARY).label("mode"))
    .outerjoin(_preference, _preference.c.operator == _operator.c.name)
    .order_by(_operator.c.name)
)
_OWED = (_delivery.c.sent_at.is_(None), _delivery.c.gave_up.is_(False))


class InboxRepository(Repository):
    """``ports.told.Inbox`` on Postgres."""

    async def add(
        self, notice_id: UUID, notice: Notice, *, day: date, now: datetime, since: datetime | None = None
    ) -> UUID | None:
        (added,) = await self._ask(_ADD, id=notice_id, at=now, day=day, since=since, **asdict(notice))
        return added[0].id if added else None

    async def alarm(self, alarm_id: UUID) -> RaisedAlarm:
        return _raised(await self._one(select(_alarm).where(_alarm.c.id == alarm_id), "The alarm"))

    async def unattended(self, account_id: UUID) -> tuple[tuple[RaisedAlarm, int], ...]:
        said = (
            select(func.count())
            .where(
                _notice.c.alarm_id == _alarm.c.id,
                _notice.c.event == ESCALATION,
                _notice.c.at > _alarm.c.raised_at,
            )
            .scalar_subquery()
            .label("said")
        )
        rows = await self._rows(
            select(_alarm, said)
            .where(
                _alarm.c.resolved_at.is_(None),
                _alarm.c.seen_at.is_(None),
                or_(_alarm.c.account_id == account_id, _alarm.c.account_id.is_(None)),
            )
            .order_by(_alarm.c.raised_at)
        )
        return tuple((_raised(row), row.said) for row in rows)

    async def modes(self) -> Mapping[str, Mode]:
        (found,) = await self._ask(_MODES)
        return {row.name: Mode(row.mode) for row in found}

    async def set_mode(self, operator: str, mode: Mode, now: datetime) -> None:
        values = {"operator": operator, "mode": mode, "set_at": now}
        stored = upsert(_preference).values(values)
        await self._run(stored.on_conflict_do_update(index_elements=["operator"], set_=values))

    async def queue(self, notice_id: UUID, *, operator: str, channel: str) -> None:
        values = {"notification_id": notice_id, "operator": operator, "channel": channel}
        anew = {"sent_at": None, "gave_up": False, "attempts": 0}
        owed = upsert(_delivery).values(values)
        await self._run(owed.on_conflict_do_update(index_elements=["notification_id", "channel"], set_=anew))

    async def queued(self, channel: str) -> tuple[QueuedNotice, ...]:
        rows = await self._rows(
            select(
                _notice.c.id,
                _notice.c.title,
                _notice.c.text,
                _notice.c.level,
                _delivery.c.attempts,
                _delivery.c.tried_at,
                (_NOW - _delivery.c.tried_at).label("age"),
            )
            .join(_notice, _notice.c.id == _delivery.c.notification_id)
            .where(_delivery.c.channel == channel, *_OWED)
            .order_by(_delivery.c.queued_at)
            .with_for_update(of=_delivery, skip_locked=True)
        )
        return tuple(
            QueuedNotice(row.id, row.title, row.text, Level(row.level), row.attempts, row.tried_at, row.age)
            for row in rows
        )

    async def tried_lately(self, channel: str) -> tuple[int, datetime | None]:
        lately = func.clock_timestamp() - timedelta(minutes=1)
        row = await self._one(
            select(
                func.count(_delivery.c.message.distinct()).label("messages"),
                func.max(_delivery.c.tried_at).label("last"),
            ).where(_delivery.c.channel == channel, _delivery.c.tried_at > lately),
            "A count",
        )
        return row.messages, row.last

    async def sent(self, channel: str, notices: Sequence[UUID]) -> None:
        await self._run(
            update(_delivery)
            .where(_delivery.c.channel == channel, _delivery.c.notification_id.in_(notices))
            .values(sent_at=_NOW, tried_at=_NOW, message=uuid4(), error=None)
        )

    async def not_sent(self, channel: str, notices: Sequence[UUID], *, problem: str, most: int) -> bool:
        tried = _delivery.c.attempts + 1
        rows = await self._rows(
            update(_delivery)
            .where(_delivery.c.channel == channel, _delivery.c.notification_id.in_(notices))
            .values(attempts=tried, error=problem, gave_up=tried >= most, tried_at=_NOW, message=uuid4())
            .returning(_delivery.c.gave_up)
        )
        return any(row.gave_up for row in rows)

    async def seen(self, subject_id: UUID, *, by: str, now: datetime) -> tuple[UUID, ...] | None:
        rows = await self._rows(
            update(_notice)
            .where(
                or_(_notice.c.id == subject_id, _notice.c.alarm_id == subject_id),
                _notice.c.seen_at.is_(None),
            )
            .values(seen_at=now, seen_by=by)
            .returning(_notice.c.alarm_id)
        )
        alarms = {row.alarm_id for row in rows if row.alarm_id is not None}
        return tuple(sorted(alarms)) if rows else None


def _raised(row: Row[Any]) -> RaisedAlarm:
    alarm = Alarm(row.code, Severity(row.severity), row.account_id, row.object_type, row.object_id, row.text)
    return RaisedAlarm(row.id, alarm, row.raised_at)
