"""Alarms, and underlyings that are halted."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from sqlalchemy import (
    Text,
    Uuid,
    all_,
    and_,
    any_,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert

from senex.domain.alarms import Alarm, Severity
from senex.store import tables
from senex.store.repositories.base import FRESH, Repository, table
from senex.store.repositories.statements import Query

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from senex.domain.differences import Difference

_alarm = table(tables.Alarm)
_halt = table(tables.UnderlyingHalt)
_difference = table(tables.Difference)
_beat = table(tables.Heartbeat)
_OPEN = _alarm.c.resolved_at.is_(None)
_sounding = upsert(_alarm)
_given = _sounding.excluded
_rose = and_(_alarm.c.severity != Severity.CRITICAL, _given.severity == Severity.CRITICAL)
_SOUND = Query(
    _sounding.on_conflict_do_update(
        index_elements=["account_id", "code", "object_type", "object_id"],
        index_where=_OPEN,
        set_={
            "text": _given.text,
            "severity": _given.severity,
            "raised_at": case((_rose, _given.raised_at), else_=_alarm.c.raised_at),
            "seen_at": case((_rose, None), else_=_alarm.c.seen_at),
            "seen_by": case((_rose, None), else_=_alarm.c.seen_by),
        },
    ).returning(FRESH),
    alone=True,
    columns=("id", "raised_at", *(field.name for field in fields(Alarm))),
)
_STANDING = Query(
    select(_alarm.c.code, _alarm.c.object_id).where(_OPEN, _alarm.c.account_id == bindparam("account"))
)
_which = update(_alarm).where(_OPEN, _alarm.c.code == bindparam("which"))
_RESOLVE = _which.where(
    _alarm.c.object_id == bindparam("object"),
    _alarm.c.account_id.is_not_distinct_from(bindparam("account", type_=Uuid)),
)
_END = Query(_RESOLVE.returning(_alarm.c.id), alone=True, columns=("resolved_at",))
_RESOLVE_OTHERS = _which.where(
    _alarm.c.account_id == bindparam("account"),
    _alarm.c.object_id != all_(bindparam("objects", type_=ARRAY(Text))),
)
_RESOLVE_ABOUT = update(_alarm).where(
    _OPEN,
    _alarm.c.account_id == bindparam("account"),
    _alarm.c.object_type == bindparam("type"),
    _alarm.c.object_id == any_(bindparam("objects", type_=ARRAY(Text))),
)
_machine = func.split_part(_alarm.c.object_id, ":", 1)
# beats are in machine time; who leaves in order, or has been gone for a minute, may have no row any more
_lives = exists().where(
    _beat.c.name == "worker trading",
    _beat.c.host == _machine,
    _beat.c.beat_at > func.clock_timestamp() - literal(timedelta(minutes=10)),
)
_RESOLVE_LOST = update(_alarm).where(
    _OPEN,
    _alarm.c.object_type == "machine",
    _alarm.c.code == any_(bindparam("codes", type_=ARRAY(Text))),
    _machine != bindparam("but"),
    ~_lives,
)
_FORGET = delete(_difference).where(_difference.c.account_id == bindparam("of"))


class AlarmRepository(Repository):
    """``ports.told.Alarms`` on Postgres."""

    async def sound(self, alarm: Alarm, now: datetime) -> bool:
        """One that is open already gets the newest text and stays as old as it is, and as seen.

        Become critical it begins anew: nobody has seen that yet.
        """
        (found,) = await self._ask(_SOUND, id=uuid4(), raised_at=now, **asdict(alarm))
        return bool(found and found[0].fresh)

    async def standing(self, account_id: UUID) -> frozenset[tuple[str, str]]:
        (found,) = await self._ask(_STANDING, account=account_id)
        return frozenset((row.code, row.object_id) for row in found)

    async def resolve(self, code: str, object_id: str, *, account_id: UUID | None, now: datetime) -> None:
        which = {"which": code, "object": object_id, "account": account_id}
        await self._put(_RESOLVE, {**which, "resolved_at": now})

    async def end(self, code: str, object_id: str, *, account_id: UUID | None, now: datetime) -> bool:
        which = {"which": code, "object": object_id, "account": account_id}
        (ended,) = await self._ask(_END, **which, resolved_at=now)
        return bool(ended)

    async def resolve_others(
        self, code: str, objects: Collection[str], *, account_id: UUID, now: datetime
    ) -> None:
        which = {"which": code, "objects": list(objects), "account": account_id}
        await self._put(_RESOLVE_OTHERS, {**which, "resolved_at": now})

    async def resolve_about(
        self, object_type: str, objects: Collection[str], *, account_id: UUID, now: datetime
    ) -> None:
        which = {"type": object_type, "objects": list(objects), "account": account_id}
        await self._put(_RESOLVE_ABOUT, {**which, "resolved_at": now})

    async def resolve_of_lost_machines(self, codes: Collection[str], *, but: str, now: datetime) -> None:
        await self._put(_RESOLVE_LOST, {"codes": list(codes), "but": but, "resolved_at": now})

    async def seen(self, alarm_id: UUID, *, by: str, now: datetime) -> bool:
        statement = (
            update(_alarm)
            .where(_alarm.c.id == alarm_id, _alarm.c.seen_at.is_(None))
            .values(seen_at=now, seen_by=by)
            .returning(_alarm.c.id)
        )
        return await self._row(statement) is not None

    async def save_differences(
        self, account_id: UUID, differences: Sequence[Difference], now: datetime
    ) -> None:
        await self._put(_FORGET, {"of": account_id})
        rows = [asdict(each) | {"account_id": account_id, "found_at": now} for each in differences]
        await self._insert(_difference, rows)

    async def differing(self, account_id: UUID) -> frozenset[str]:
        rows = await self._rows(select(_difference.c.subject).where(_difference.c.account_id == account_id))
        return frozenset(row.subject for row in rows)

    async def halt_underlying(self, account_id: UUID, underlying: str, *, reason: str, now: datetime) -> None:
        values = {"account_id": account_id, "underlying": underlying, "reason": reason, "halted_at": now}
        await self._run(upsert(_halt).values(values).on_conflict_do_nothing())

    async def resume_underlying(self, account_id: UUID, underlying: str) -> bool:
        statement = delete(_halt).where(_halt.c.account_id == account_id, _halt.c.underlying == underlying)
        return await self._row(statement.returning(_halt.c.underlying)) is not None

    async def halted_underlyings(self, account_id: UUID) -> Mapping[str, str]:
        rows = await self._rows(select(_halt).where(_halt.c.account_id == account_id))
        return {row.underlying: row.reason for row in rows}
