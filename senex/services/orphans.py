"""Orders at the broker that nobody expects there (RELIABILITY 7): doubled requests, and submissions given up too soon.

One decision has one order. A second one of the same order is cancelled, never
booked as ours, and nothing new is opened on its underlying until somebody has
looked. One whose submission was given up, and that has no sibling, is adopted
after all: the books are corrected in the open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.alarms import Alarm, Severity
from senex.domain.orders import AttemptStatus, OrderKind, OrderStatus
from senex.domain.positions import PositionStatus

if TYPE_CHECKING:
    from uuid import UUID

    from senex.domain.orders import Attempt, Order
    from senex.ports.broker import BrokerOrder
    from senex.ports.unit_of_work import UnitOfWork
    from senex.services.context import Context

DOUBLED = "ORDER_DOUBLED"
LATE = "ORDER_CAME_LATE"


def is_second(order: Order, theirs: BrokerOrder) -> bool:
    """Whether the broker has another order for what one attempt asked.

    One that was made of ours elsewhere is none, nor is what ours was before that.
    """
    if order.broker_order_id in (None, theirs.id) or theirs.means is OrderStatus.REPLACED:
        return False
    return theirs.replaces != order.broker_order_id or order.status is OrderStatus.REPLACED


async def has_sibling(tx: UnitOfWork, order: Order, attempt: Attempt, theirs: BrokerOrder) -> bool:
    """Whether what the attempt was for is done by somebody else by now; what it replaced is nobody else."""
    if any(
        other.id != attempt.id and other.status not in (AttemptStatus.ABANDONED, AttemptStatus.REFUSED)
        for other in await tx.orders.attempts(order.id)
    ):
        return True
    return any(
        other.id != order.id
        and (other.kind, other.spread_key) == (order.kind, order.spread_key)
        and not other.status.terminal
        and (order.kind is not OrderKind.ENTRY or other.replaces_id is not None)
        and not (other.id == order.replaces_id and other.broker_order_id == theirs.replaces)
        for other in await tx.orders.of_position(order.position_id)
    )


async def second_order(context: Context, tx: UnitOfWork, order: Order, theirs: BrokerOrder) -> None:
    """Alarm, halt the underlying, and have the second order cancelled while it works."""
    now = context.clock.now()
    live = not theirs.means.terminal
    over = not live and not theirs.filled
    if over and await _was_ours(tx, order, theirs):
        return
    fresh = (await tx.orders.meet(order.account_id, [theirs], now)).get(theirs.id, False)
    if over and not fresh:
        await tx.alarms.resolve(DOUBLED, theirs.id, account_id=order.account_id, now=now)
        return
    what = f"The broker has a second order for one decision ({theirs.id}, {order.underlying})"
    done = "it is being cancelled" if live else "it has ended"
    held = (
        f", after {theirs.filled} contracts of it filled: close them, or adopt the position"
        if theirs.filled
        else ""
    )
    alarm = Alarm(DOUBLED, Severity.CRITICAL, order.account_id, "order", theirs.id, f"{what}; {done}{held}.")
    if await tx.alarms.sound(alarm, now):
        await tx.alarms.halt_underlying(order.account_id, order.underlying, reason=what.lower(), now=now)
        await tx.journal.note_order(
            "second order found",
            order,
            actor="daemon",
            after=theirs.id,
            why=f"the broker lists {theirs.id} under the name of an attempt that became {order.broker_order_id}",
            now=now,
        )
        if live:
            await tx.outbox.add(
                "cancel_orphan",
                f"{order.account_id}/{theirs.id}",
                queue="trading",
                account_id=order.account_id,
            )
    if over:  # it came and went before anybody saw it: that is said, and nothing is left to mend
        await tx.alarms.resolve(DOUBLED, theirs.id, account_id=order.account_id, now=now)


async def _was_ours(tx: UnitOfWork, order: Order, theirs: BrokerOrder) -> bool:
    """Whether the order went on in another one elsewhere, and this is what it was before."""
    return any(each.broker_order_id == theirs.id for each in await tx.orders.attempts(order.id))


async def cancel_lost(context: Context, tx: UnitOfWork, account_id: UUID, theirs: BrokerOrder) -> None:
    """A live order of the time a restored database has lost: nobody knows what it was for, so it goes, once asked."""
    await tx.outbox.add(
        "cancel_orphan",
        f"{account_id}/{theirs.id}",
        queue="trading",
        account_id=account_id,
        dedupe_key=f"lost/{account_id}/{theirs.id}",
    )
    await tx.journal.note(
        "order of the lost time found",
        actor="daemon",
        object_type="account",
        object_id=str(account_id),
        account_id=account_id,
        after=theirs.id,
        why=f"it was sent after the moment the database was restored to ({theirs.underlying}); it is cancelled",
        now=context.clock.now(),
    )


async def reopen(context: Context, tx: UnitOfWork, order: Order, theirs: BrokerOrder) -> Order:
    """Correct what was believed of a submission that was given up: the broker has it (invariant I7)."""
    now = context.clock.now()
    await tx.orders.set_status(order.id, OrderStatus.UNKNOWN, now=now)
    if order.opens_risk:
        await tx.positions.set_status(order.position_id, PositionStatus.PENDING_ENTRY, now=now)
    text = (
        f"An order that had ended in our books lives at the broker ({theirs.id}, {order.underlying}); it is in the "
        "books now. Look whether you still want it."
    )
    alarm = Alarm(LATE, Severity.CRITICAL, order.account_id, "order", str(order.id), text)
    await tx.alarms.sound(alarm, now)
    await tx.journal.note_order(
        "order corrected",
        order,
        actor="daemon",
        before=order.status,
        after=OrderStatus.UNKNOWN,
        why=f"broker order {theirs.id} carries its name",
        now=now,
    )
    return await tx.orders.get(order.id)
