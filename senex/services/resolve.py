"""Settle submissions whose outcome is not known: adopted when they show themselves, given up when proved absent.

An order that a complete and clean reading of the broker's orders does not show,
twice, long after its request has died and while the market is open, was never
there (RELIABILITY 6). Until then it reserves what it would have used.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from senex.domain.calendar import new_york_date
from senex.domain.orders import AttemptStatus, OrderStatus, advance, advance_attempt
from senex.services.follow import follow_order, mend_later

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from senex.domain.orders import Attempt, Order
    from senex.ports.unit_of_work import UnitOfWork
    from senex.services.context import Context

HORIZON = timedelta(seconds=180)
"""Of machine time since it was sent, before an absent order counts as absent."""
CLEAN_READS = 2
LOOK_AGAIN = timedelta(seconds=20)
UNKNOWN = "OUTCOME_UNKNOWN"


async def doubtful(context: Context, account_id: UUID) -> tuple[Attempt, ...]:
    """Attempts a reading that begins now could prove absent; none while the market is closed."""
    now = context.clock.now()
    async with context.units.reading() as tx:
        found = await tx.orders.doubtful(account_id, older_than=HORIZON)
        if not found:  # two years of sessions are not read for nothing
            return ()
        calendar = await tx.market.calendar(new_york_date(now))
    return found if calendar.is_open(now) is True else ()


async def absent(context: Context, attempts: Sequence[Attempt]) -> None:
    """Count a clean reading against each attempt that is still unknown after it."""
    for attempt in attempts:
        async with context.units() as tx:
            order = (await tx.cases.locked(attempt.order_id)).order
            current = await tx.orders.attempt(attempt.id, lock=True)
            if current.status is not AttemptStatus.UNKNOWN:
                continue
            if await tx.orders.count_absent(attempt.id) < CLEAN_READS:
                await tx.outbox.add(
                    "monitor_open_orders",
                    str(order.account_id),
                    queue="trading",
                    account_id=order.account_id,
                    delay=LOOK_AGAIN,
                )
            else:
                await _abandon(context, tx, current, order)
            await tx.commit()
        await context.publisher.changed("order", str(order.account_id), str(order.id))


async def _abandon(context: Context, tx: UnitOfWork, attempt: Attempt, order: Order) -> None:
    """It was never there. An entry needs a fresh approval; what protects a position is asked for anew."""
    now = context.clock.now()
    why = f"{CLEAN_READS} complete readings of the broker's orders did not show it"
    status = advance_attempt(attempt.status, AttemptStatus.ABANDONED)
    await tx.orders.settle(attempt.id, status, now=now, code="E_ABANDONED", message=why)
    ended = advance(order.status, OrderStatus.CANCELLED)
    await tx.orders.set_status(order.id, ended, now=now, reject_reason=f"never sent: {why}")
    await tx.alarms.resolve(UNKNOWN, str(order.id), account_id=order.account_id, now=now)
    await tx.journal.note_order(
        "submission abandoned",
        order,
        actor="daemon",
        before=order.status,
        after=ended,
        why=why,
        now=now,
    )
    position = await tx.positions.get(order.position_id)
    await follow_order(tx, order, ended, position, now=now)
    if not order.opens_risk:
        await mend_later(tx, position)
