"""What a wrong clock and a full disk lead to, and what ends it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from senex.bootstrap.machine import ThisMachine
from senex.broker.errors import token_refused
from senex.domain.machine import Disk
from senex.domain.trading_state import TradingState
from senex.store import tables
from senex.store.repositories.base import table
from tests.integration.test_use_cases import Desk, desk

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["desk"]


class _Machine:
    name = "box"
    used = Decimal("0.5")

    def disks(self) -> tuple[Disk, ...]:
        return (Disk("/data", self.used),)


@pytest.fixture
def machine(desk: Desk) -> _Machine:
    found = _Machine()
    desk.context = replace(desk.context, machine=found)
    return found


async def _watch(desk: Desk) -> None:
    account = await desk.account()
    await desk.offer("watch_machine", account, account)
    await desk.drain()


async def _alarms(desk: Desk) -> dict[str, str]:
    alarm = table(tables.Alarm)
    async with desk.engine.connect() as connection:
        rows = await connection.execute(
            select(alarm.c.code, alarm.c.severity).where(alarm.c.resolved_at.is_(None))
        )
        return {row.code: row.severity for row in rows}


async def _state(desk: Desk) -> TradingState:
    async with desk.units() as tx:
        return (await tx.accounts.fence(await desk.account())).state


async def test_a_wrong_clock_warns_then_stops_entries_until_a_person_says_otherwise(
    desk: Desk, machine: _Machine
) -> None:
    await _watch(desk)
    assert await _alarms(desk) == {}
    desk.broker.offset = timedelta(seconds=-3)
    await _watch(desk)
    assert (await _alarms(desk), await _state(desk)) == ({"CLOCK_OFF": "warning"}, TradingState.ACTIVE)
    desk.broker.offset = timedelta(seconds=31)
    await _watch(desk)
    assert (await _alarms(desk), await _state(desk)) == ({"CLOCK_OFF": "critical"}, TradingState.REDUCE_ONLY)
    desk.broker.away = {"clock_offset"}  # says nothing about the clock
    await _watch(desk)
    assert await _alarms(desk) == {"CLOCK_OFF": "critical"}
    desk.broker.away = set()
    desk.broker.offset = timedelta(0)
    await _watch(desk)
    assert (await _alarms(desk), await _state(desk)) == ({}, TradingState.REDUCE_ONLY)


async def test_a_disk_that_fills_warns_then_stops_entries(desk: Desk, machine: _Machine) -> None:
    machine.used = Decimal("0.85")
    await _watch(desk)
    assert (await _alarms(desk), await _state(desk)) == ({"DISK_FILLS": "warning"}, TradingState.ACTIVE)
    machine.used = Decimal("0.95")
    await _watch(desk)
    assert (await _alarms(desk), await _state(desk)) == ({"DISK_FILLS": "critical"}, TradingState.REDUCE_ONLY)
    machine.used = Decimal("0.5")
    await _watch(desk)
    assert await _alarms(desk) == {}


async def test_alarms_of_a_machine_that_is_gone_end_and_the_state_stays(
    desk: Desk, machine: _Machine
) -> None:
    machine.used, desk.broker.offset = Decimal("0.95"), timedelta(seconds=31)
    await _watch(desk)
    both = {"CLOCK_OFF": "critical", "DISK_FILLS": "critical"}
    assert await _alarms(desk) == both
    beat = table(tables.Heartbeat)

    async def beaten(ago: timedelta) -> None:
        """The worker of box has beaten last so long ago, by Postgres' clock."""
        at = func.clock_timestamp() - ago
        row = {"name": "worker trading", "instance": "box-1", "host": "box", "pid": 7, "detail": ""}
        statement = upsert(beat).values(**row, started_at=at, beat_at=at)
        async with desk.engine.begin() as connection:
            await connection.execute(
                statement.on_conflict_do_update(index_elements=["name", "instance"], set_={"beat_at": at})
            )

    machine.name, machine.used, desk.broker.offset = "spare", Decimal("0.5"), timedelta(0)
    await beaten(timedelta(minutes=9))
    await _watch(desk)
    assert await _alarms(desk) == both
    await beaten(timedelta(minutes=11))
    await _watch(desk)
    assert (await _alarms(desk), await _state(desk)) == ({}, TradingState.REDUCE_ONLY)


async def test_a_machine_s_own_alarm_needs_no_heartbeat(desk: Desk, machine: _Machine) -> None:
    machine.used = Decimal("0.85")
    await _watch(desk)
    desk.broker.away = {"clock_offset"}
    await _watch(desk)
    assert await _alarms(desk) == {"DISK_FILLS": "warning"}


async def test_a_refused_login_is_an_alarm_and_its_return_a_notice(desk: Desk, machine: _Machine) -> None:
    source = table(tables.SourceStatus)

    async def token(detail: str) -> None:
        said = {"ok": not detail, "detail": detail, "at": desk.clock.now()}
        statement = upsert(source).values(source="token", subject="", **said)
        async with desk.engine.begin() as connection:
            await connection.execute(
                statement.on_conflict_do_update(index_elements=["source", "subject"], set_=said)
            )
        await _watch(desk)

    await token("The broker does not answer. [E_BROKER_AWAY]")
    assert await _alarms(desk) == {}
    await token(str(token_refused("invalid_grant")))
    assert await _alarms(desk) == {"LOGIN_LOST": "critical"}
    await token("")
    await _watch(desk)
    assert await _alarms(desk) == {}
    notification = table(tables.Notification)
    async with desk.engine.connect() as connection:
        told = (await connection.execute(select(notification.c.event).order_by(notification.c.at))).scalars()
        assert sorted(told) == ["LOGIN_LOST", "LOGIN_RESTORED"]


def test_this_machine_names_each_file_system_once(tmp_path: Path) -> None:
    disks = ThisMachine([tmp_path, tmp_path / "to" / "come"]).disks()
    assert [disk.path for disk in disks] == [str(tmp_path)]
    assert Decimal(0) < disks[0].used <= 1
