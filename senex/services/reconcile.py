"""Make our books agree with the broker's, and only then let new orders out.

Starting up, an alert gap, the timer and the operator all come through here;
readiness is set only if nothing cleared it again meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.decisions import Answer, Outcome
from senex.domain.positions import OPEN_STATUSES
from senex.services.compare import QUANTITIES, compare, keep, look
from senex.services.sync import OrdersInDoubt, sync_account, sync_orders

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from senex.domain.decisions import Decision
    from senex.domain.differences import Difference
    from senex.ports.broker import BrokerOrder
    from senex.ports.records import Work
    from senex.services.context import Context

DRY_RUN = "dry_run"


async def reconcile(context: Context, account_id: UUID, work: Work) -> None:
    """Read orders, balances and holdings, repair what is safe to repair, and open the gate."""
    await _reconcile(context, account_id)
    async with context.units() as tx:
        await tx.outbox.done(work)
        await tx.commit()


async def reconcile_on_request(context: Context, decision: Decision, work: Work) -> None:
    """The operator's: a dry run compares and books nothing; the answer says what differs."""
    if DRY_RUN in decision.options:
        found: Sequence[Difference] = await look(context, decision.account_id)
        await keep(context, decision.account_id, found)
    else:
        found = await _reconcile(context, decision.account_id)
    message = "Our books and the broker's agree."
    if found:
        message = f"Our books and the broker's differ in {len(found)} places."
    now = context.clock.now()
    async with context.units() as tx:
        answer = Answer(Outcome.DONE, "OK", message, tuple(map(str, found)))
        await tx.suggestions.answer(decision.id, answer, now)
        await tx.journal.note(
            "reconciled",
            actor=decision.operator,
            object_type="account",
            object_id=str(decision.account_id),
            account_id=decision.account_id,
            after=" ".join(decision.options) or None,
            why=message,
            now=now,
        )
        await tx.outbox.done(work)
        await tx.commit()


async def monitor_orders(context: Context, account_id: UUID, work: Work) -> None:
    """The net under the alert stream: read orders over REST and apply what was missed."""
    await _orders_read(context, account_id)
    async with context.units() as tx:
        await tx.outbox.done(work)
        await tx.commit()


async def _reconcile(context: Context, account_id: UUID) -> tuple[Difference, ...]:
    async with context.units() as tx:
        fence = await tx.accounts.fence(account_id)
    listed, found = await _read(context, account_id)
    if any(each.category in QUANTITIES for each in found):
        # a fill may have fallen between the two readings; what differs twice does differ
        listed, found = await _read(context, account_id)
    await keep(context, account_id, found)
    now = context.clock.now()
    async with context.units() as tx:
        for position in await tx.positions.open(account_id):
            if position.status in OPEN_STATUSES:
                await tx.outbox.add("place_targets", str(position.id), queue="trading", account_id=account_id)
        if listed is not None:
            await tx.accounts.ready(account_id, epoch=fence.ready_epoch, now=now)
        await tx.commit()
    await context.publisher.changed("account", str(account_id), str(account_id))
    return found


async def _read(
    context: Context, account_id: UUID
) -> tuple[tuple[BrokerOrder, ...] | None, tuple[Difference, ...]]:
    """One reading of the broker, booked, and what differs after it; None for orders that are in doubt."""
    listed = await _orders_read(context, account_id)
    await sync_account(context, account_id)
    return listed, await compare(context, account_id, listed or ())


async def _orders_read(context: Context, account_id: UUID) -> tuple[BrokerOrder, ...] | None:
    """The orders, once every one could be booked; where not, the gate is closed and the timer looks again."""
    try:
        return await sync_orders(context, account_id)
    except OrdersInDoubt:
        return None
