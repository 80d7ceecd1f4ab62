"""Compare this machine's clock with the broker's and look at its disks."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from senex.domain.alarms import Severity
from senex.domain.errors import SenexError
from senex.domain.machine import CLOCK_OFF, DISK_FILLS, judge_clock, judge_disk
from senex.services.trading_state import stop_entries

if TYPE_CHECKING:
    from uuid import UUID

    from senex.domain.alarms import Alarm
    from senex.ports.records import Work
    from senex.services.context import Context


async def watch_machine(context: Context, account_id: UUID, work: Work) -> None:
    """Sound or end the alarms; a critical one leaves the account REDUCE_ONLY, which only a person undoes.

    A broker that does not answer says nothing about the clock, so that alarm stays as it is.
    """
    host = context.machine.name
    looks: dict[tuple[str, str], Alarm | None] = {}
    with suppress(SenexError):  # looked at again in some minutes; that the broker is away is said elsewhere
        looks[CLOCK_OFF, host] = judge_clock(host, await context.broker.clock_offset())
    for disk in context.machine.disks():
        looks[DISK_FILLS, f"{host}:{disk.path}"] = judge_disk(host, disk)
    now = context.clock.now()
    stops = [alarm.text for alarm in looks.values() if alarm and alarm.severity is Severity.CRITICAL]
    async with context.units() as tx:
        for (code, subject), alarm in looks.items():
            if alarm is None:
                await tx.alarms.resolve(code, subject, account_id=None, now=now)
            else:
                await tx.alarms.sound(alarm, now)
        if stops:
            await stop_entries(context, tx, account_id, stops[0])
        await tx.outbox.done(work)
        await tx.commit()
    if stops:
        await context.publisher.changed("state", str(account_id), str(account_id))
