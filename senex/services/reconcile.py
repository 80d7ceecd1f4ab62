"""Make our books agree with the broker's, and only then let new orders out.

Starting up, an alert gap, the timer and the operator all come through here;
readiness is set only if nothing cleared it again meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.positions import OPEN_STATUSES
from senex.services.sync import OrdersInDoubt, sync_account, sync_orders

if TYPE_CHECKING:
    from uuid import UUID

    from senex.ports.records import Work
    from senex.services.context import Context


async def reconcile(context: Context, account_id: UUID, work: Work) -> None:
    """Read orders, balances and holdings, repair what is safe to repair, and open the gate."""
    async with context.units() as tx:
        fence = await tx.accounts.fence(account_id)
    sure = await _orders_read(context, account_id)
    await sync_account(context, account_id)
    now = context.clock.now()
    async with context.units() as tx:
        for position in await tx.positions.open(account_id):
            if position.status in OPEN_STATUSES:
                await tx.outbox.add("place_targets", str(position.id), queue="trading", account_id=account_id)
        if sure:
            await tx.accounts.ready(account_id, epoch=fence.ready_epoch, now=now)
        await tx.outbox.done(work)
        await tx.commit()
    await context.publisher.changed("account", str(account_id), str(account_id))


async def monitor_orders(context: Context, account_id: UUID, work: Work) -> None:
    """The net under the alert stream: read orders over REST and apply what was missed."""
    await _orders_read(context, account_id)
    async with context.units() as tx:
        await tx.outbox.done(work)
        await tx.commit()


async def _orders_read(context: Context, account_id: UUID) -> bool:
    """Whether every order could be booked; where not, the gate is closed and the timer looks again."""
    try:
        await sync_orders(context, account_id)
    except OrdersInDoubt:
        return False
    return True
