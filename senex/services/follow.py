"""The position follows its orders: what an order's end or fill means for what is held."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from senex.domain.closing import Cause
from senex.domain.orders import OrderKind, OrderStatus
from senex.domain.positions import PositionStatus, status_by
from senex.domain.risk import remaining_risk
from senex.domain.unknown import known
from senex.services.position_alarms import end_alarms

if TYPE_CHECKING:
    from datetime import datetime

    from senex.domain.orders import Order
    from senex.domain.positions import Position
    from senex.ports.unit_of_work import UnitOfWork

TEND, MEND = "tend_position", "mend_position"


async def follow_order(
    tx: UnitOfWork, order: Order, status: OrderStatus, position: Position, *, now: datetime
) -> None:
    """Move the position after ``order`` became ``status`` or filled further; its fills are booked by then.

    The position is locked by the caller.
    """
    if status.terminal and status not in (OrderStatus.FILLED, OrderStatus.REPLACED):
        await note_lost_target(tx, order, f"it ended {status} at the broker", now=now)
    unfilled = order.opens_risk and not any(line.filled for line in order.lines)
    reason = "order_unfilled" if unfilled else await _reason(tx, order)
    decided = await _move(tx, position, reason=reason, now=now)
    if order.opens_risk and status.terminal and decided:
        await _note_risk(tx, position)
    if status.terminal or status is OrderStatus.PARTIALLY_FILLED:
        await tend_later(tx, position)


async def follow_holdings(tx: UnitOfWork, position: Position, *, reason: str, now: datetime) -> None:
    """The same after something else than an order changed what is held.

    ``reason`` is why it is closed, if nothing is left. The position is locked by the caller.
    """
    await _move(tx, position, reason=reason, now=now)
    await tend_later(tx, position)


async def _move(tx: UnitOfWork, position: Position, *, reason: str, now: datetime) -> bool:
    """Give the position the status that its lots and orders say, and end the alarms of what is gone.

    False while its entry may still fill.
    """
    lots, orders = await tx.positions.lots(position.id), await tx.orders.of_position(position.id)
    status = status_by(lots, orders)
    ended = status in (PositionStatus.CLOSED, PositionStatus.EXPIRED)
    if status is not None and status is not position.status:
        await tx.positions.set_status(position.id, status, now=now, closure_reason=reason if ended else None)
    await end_alarms(tx, position, lots, now, ended=ended)
    return status is not None


async def tend_later(tx: UnitOfWork, position: Position) -> None:
    """Have the position's targets and exits looked after once this is committed."""
    await tx.outbox.add(TEND, str(position.id), queue="trading", account_id=position.account_id)


async def mend_later(tx: UnitOfWork, position: Position) -> None:
    """The same, with another try for what was lost: a target that died, a cancel nobody heard."""
    await tx.outbox.add(MEND, str(position.id), queue="trading", account_id=position.account_id)


async def _note_risk(tx: UnitOfWork, position: Position) -> None:
    """R of what really filled. Until the entry has ended, what it may still fill is at stake too."""
    opened = [replace(lot, open_quantity=lot.quantity) for lot in await tx.positions.lots(position.id)]
    if opened:
        await tx.positions.set_initial_risk(position.id, known(remaining_risk(opened)))


async def _reason(tx: UnitOfWork, order: Order) -> str:
    """What the position's closure is put down to when this order closed the last of it (DOMAIN F.7)."""
    if order.kind is OrderKind.TARGET:
        return "profit_target"
    causes = {wish.id: wish.cause for wish in await tx.exits.of_position(order.position_id)}
    cause = causes.get(order.exit_id) if order.exit_id is not None else None
    return cause if cause in (Cause.TIME_EXIT, Cause.STOP_LOSS) else Cause.MANUAL


async def note_lost_target(tx: UnitOfWork, order: Order, why: str, *, now: datetime) -> None:
    """Say that a spread stands without its target; another is placed when its plan wants one.

    A replacement that came to nothing leaves what it was to replace.
    """
    if order.kind is not OrderKind.TARGET or order.cancel_requested:
        return
    if not await _stands_behind(tx, order):
        await tx.journal.note(
            "target lost",
            actor="daemon",
            object_type="position",
            object_id=f"{order.position_id}/{order.spread_key}",
            account_id=order.account_id,
            why=why,
            now=now,
        )


async def _stands_behind(tx: UnitOfWork, order: Order) -> bool:
    """Whether the order was to replace one that has not ended without a fill."""
    if order.replaces_id is None:
        return False
    old = await tx.orders.get(order.replaces_id)
    return not old.status.terminal or old.status is OrderStatus.FILLED
