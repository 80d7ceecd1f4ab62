"""Alarms about a position, or a spread or contract of it: they end with what they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.alarms import Alarm, Severity
from senex.domain.positions import OPEN_STATUSES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from senex.domain.lots import Lot
    from senex.domain.positions import Position
    from senex.ports.unit_of_work import UnitOfWork

STOP_ALERT = "STOP_ALERT"
STOP_REACHED = "STOP_REACHED"
BLIND = "EXITS_BLIND"
UNMANAGED = "UNMANAGED_EXPIRES"
ASSIGNED = "ASSIGNED"


async def end_alarms(
    tx: UnitOfWork, position: Position, lots: Sequence[Lot], now: datetime, *, ended: bool
) -> None:
    """Whatever is about a spread or a contract that is not held any more, or about a position that has ``ended``."""
    held = {part for lot in lots if lot.open_quantity for part in (lot.spread_key, lot.symbol)}
    gone = {part for lot in lots for part in (lot.spread_key, lot.symbol)} - held
    objects = [f"{position.id}/{part}" for part in sorted(gone)]
    if ended:
        objects.append(str(position.id))
    if objects:
        await tx.alarms.resolve_about("position", objects, account_id=position.account_id, now=now)


async def propose_tickets(tx: UnitOfWork, account_id: UUID, now: datetime) -> None:
    """Say at once, also at night, which shares an assignment or exercise left, and what closes them.

    An alarm whose shares were closed meanwhile ends.
    """
    left = []
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
        left.append(str(child.id))
    await tx.alarms.resolve_others(ASSIGNED, left, account_id=account_id, now=now)
