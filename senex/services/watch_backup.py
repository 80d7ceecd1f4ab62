"""Look how backups go, and say when the newest would lose too much."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.backups import SUBJECT, judge_backups
from senex.services.context import finished

if TYPE_CHECKING:
    from uuid import UUID

    from senex.ports.records import Work
    from senex.services.context import Context


async def watch_backup(context: Context, account_id: UUID, work: Work) -> None:  # noqa: ARG001  a slot's form
    """Sound or end the alarms; where nobody keeps backups there is nothing to say."""
    async with context.units() as tx:
        for code, alarm in judge_backups(await tx.deployment.backups()).items():
            if alarm is None:
                await tx.alarms.resolve(code, SUBJECT, account_id=None, now=context.clock.now())
            else:
                await tx.alarms.sound(alarm, context.clock.now())
        await tx.commit()
    await finished(context, work)
