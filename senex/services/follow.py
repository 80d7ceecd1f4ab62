"""The position follows its orders: what an order's end or fill means for what is held."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from senex.domain.orders import OrderKind, OrderStatus
from senex.domain.positions import PositionStatus
from senex.domain.risk import remaining_risk
from senex.domain.unknown import Unknown

if TYPE_CHECKING:
    from datetime import datetime

    from senex.domain.orders import Order
    from senex.domain.positions import Position
    from senex.ports.unit_of_work import UnitOfWork


async def follow_order(
    tx: UnitOfWork, order: Order, status: OrderStatus, position: Position, *, now: datetime
) -> None:
    """Move the position after ``order`` became ``status`` or filled further; its fills are booked by then.

    The position is locked by the caller.
    """
    if order.opens_risk:
        await _follow_entry(tx, order, status, position, now=now)
    else:
        await _follow_close(tx, order, status, position, now=now)


async def _follow_entry(
    tx: UnitOfWork, order: Order, status: OrderStatus, position: Position, *, now: datetime
) -> None:
    """An entry that ended with anything filled is a position of that size and gets its targets (DOMAIN 0.12)."""
    if not status.terminal:
        return
    if not any(line.filled for line in order.lines):
        await tx.positions.set_status(
            position.id, PositionStatus.EXPIRED, now=now, closure_reason="order_unfilled"
        )
        return
    await tx.positions.set_status(position.id, PositionStatus.OPEN_FULL, now=now)
    # until the entry has ended, what it may still fill is at stake too: the planned risk stands
    opened = [replace(lot, open_quantity=lot.quantity) for lot in await tx.positions.lots(position.id)]
    risk = remaining_risk(opened)
    await tx.positions.set_initial_risk(position.id, None if isinstance(risk, Unknown) else risk)
    await tx.outbox.add("place_targets", str(position.id), queue="trading", account_id=order.account_id)


async def _follow_close(
    tx: UnitOfWork, order: Order, status: OrderStatus, position: Position, *, now: datetime
) -> None:
    if status.terminal and status is not OrderStatus.FILLED:
        await note_lost_target(tx, order, f"it ended {status} at the broker", now=now)
    left = any(lot.open_quantity for lot in await tx.positions.lots(position.id))
    if left and status is OrderStatus.FILLED:
        await tx.positions.set_status(position.id, PositionStatus.OPEN_PARTIAL, now=now)
    elif not left:
        reason = "profit_target" if order.kind is OrderKind.TARGET else "manual_close"
        await tx.positions.set_status(position.id, PositionStatus.CLOSED, now=now, closure_reason=reason)


async def note_lost_target(tx: UnitOfWork, order: Order, why: str, *, now: datetime) -> None:
    """Say that a spread stands without its target; the next reconcile places another."""
    if order.kind is OrderKind.TARGET:
        await tx.journal.note(
            "target lost",
            actor="daemon",
            object_type="position",
            object_id=f"{order.position_id}/{order.spread_key}",
            account_id=order.account_id,
            why=why,
            now=now,
        )
