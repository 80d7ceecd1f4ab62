"""Alarms about a position as a whole: they end with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.alarms import Alarm, Severity
from senex.domain.positions import OPEN_STATUSES

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from senex.domain.positions import Position
    from senex.ports.unit_of_work import UnitOfWork

STOP_ALERT = "STOP_ALERT"
STOP_REACHED = "STOP_REACHED"
BLIND = "EXITS_BLIND"
UNMANAGED = "UNMANAGED_EXPIRES"
ASSIGNED = "ASSIGNED"


async def end_alarms(tx: UnitOfWork, position: Position, now: datetime) -> None:
    """Nothing is held any more that they could be about."""
    for code in (STOP_ALERT, STOP_REACHED, BLIND, UNMANAGED, ASSIGNED):
        await tx.alarms.resolve(code, str(position.id), account_id=position.account_id, now=now)


async def propose_tickets(tx: UnitOfWork, account_id: UUID, now: datetime) -> None:
    """Say at once, also at night, which shares an assignment or exercise left, and what closes them."""
    for child in await tx.positions.open(account_id):
        if child.parent_id is None or child.status not in OPEN_STATUSES:
            continue
        short = str(child.id)[:8]
        text = (
            f"An assignment or exercise left {child.underlying} shares ({short}). `senex positions close {short}` "
            "closes them and the leg that was left over with them."
        )
        alarm = Alarm(ASSIGNED, Severity.CRITICAL, account_id, "position", str(child.id), text)
        await tx.alarms.sound(alarm, now)
