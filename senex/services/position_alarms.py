"""Alarms about a position as a whole: they end with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

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
