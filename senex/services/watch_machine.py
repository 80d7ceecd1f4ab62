"""What everything else stands on: this machine's clock and disks, and the login at the broker."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from senex.domain.alarms import Alarm, Severity
from senex.domain.errors import SenexError
from senex.domain.machine import CLOCK_OFF, DISK_FILLS, judge_clock, judge_disk
from senex.domain.notices import Level, Notice
from senex.domain.watch import LOGIN_LOST, LOGIN_RESTORED, login_lost
from senex.services.notices import tell
from senex.services.trading_state import stop_entries

if TYPE_CHECKING:
    from uuid import UUID

    from senex.ports.records import Work
    from senex.ports.unit_of_work import UnitOfWork
    from senex.services.context import Context


async def watch_machine(context: Context, account_id: UUID, work: Work) -> None:
    """Sound or end the alarms; a critical one leaves the account REDUCE_ONLY, which only a person undoes.

    A broker that does not answer says nothing about the clock, so that alarm stays as it is. Of a machine that is
    gone nobody would ever say that it is well, so its alarms end too.
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
        await tx.alarms.resolve_of_lost_machines((CLOCK_OFF, DISK_FILLS), but=host, now=now)
        if stops:
            await stop_entries(context, tx, account_id, stops[0])
        await _watch_login(context, tx, account_id)
        await tx.outbox.done(work)
        await tx.commit()
    if stops:
        await context.publisher.changed("state", str(account_id), str(account_id))


async def _watch_login(context: Context, tx: UnitOfWork, account_id: UUID) -> None:
    """The streamer renews the login long before it ends, so what it says of it is news."""
    now, subject = context.clock.now(), str(account_id)
    why = login_lost(await tx.accounts.sources(account_id))
    if why is not None:
        text = f"senex is no longer let in at the broker: {why}"
        await tx.alarms.sound(Alarm(LOGIN_LOST, Severity.CRITICAL, account_id, "account", subject, text), now)
    elif await tx.alarms.end(LOGIN_LOST, subject, account_id=account_id, now=now):
        title, text = "Login at the broker restored", "The broker lets senex in again."
        await tell(
            context, tx, Notice(LOGIN_RESTORED, Level.INFO, account_id, "account", subject, title, text)
        )
