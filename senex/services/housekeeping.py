"""Ends what has outlived its time, and forgets what nothing needs any more: in batches, each a transaction.

What was decided, sent and filled, the ledger and the audit stay for ever.
"""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from senex.domain.errors import Unavailable
from senex.services.context import finished

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from senex.ports.records import Work
    from senex.ports.unit_of_work import UnitOfWork
    from senex.services.context import Context

    Batch = Callable[[UnitOfWork], Awaitable[int]]

BATCH = 500
ORDERS_KEPT = timedelta(days=90)
SUGGESTIONS_KEPT = timedelta(days=30)
WORK_KEPT = timedelta(days=30)
NOTICES_KEPT = timedelta(days=365)
MESSAGES_KEPT = timedelta(days=730)


async def expire_suggestions(context: Context, work: Work) -> None:
    """Pending suggestions past their end expire; ended ones nobody decided about go after 30 days."""
    async with context.units() as tx:
        expired = await tx.suggestions.expire(context.clock.now())
        await tx.commit()
    for suggestion_id in expired:
        await context.publisher.changed("suggestion", str(work.account_id), str(suggestion_id))
    before = context.clock.now() - SUGGESTIONS_KEPT
    await _forget(context, "suggestions", lambda tx: tx.retention.suggestions(before, BATCH))
    await finished(context, work)


async def forget_orders(context: Context, work: Work) -> None:
    """Targets and exits that ended without a fill go after 90 days."""
    before = context.clock.now() - ORDERS_KEPT
    await _forget(context, "orders", lambda tx: tx.retention.orders(before, BATCH))
    await finished(context, work)


async def forget_work(context: Context, work: Work) -> None:
    """Done work and its slots go after 30 days, notices after a year, raw messages after two, by the month.

    The journal's months are opened before, so that it has them however long nothing is started anew. Messages of a
    month that was not opened go at the same age.

    Raises:
        Unavailable: ``E_JOURNAL_BUSY``; it is tried again.
    """
    now = context.clock.now()
    await open_months(context)
    await _forget(context, "slots", lambda tx: tx.retention.slots(now - WORK_KEPT, BATCH))
    await _forget(context, "work", lambda tx: tx.retention.work(WORK_KEPT, BATCH))
    await _forget(context, "notices", lambda tx: tx.retention.notices(now - NOTICES_KEPT, BATCH))
    async with context.units() as tx:
        months = await tx.retention.messages(now - MESSAGES_KEPT)
        if months:
            await _note(context, tx, "months of raw messages", months)
        await tx.commit()
    await finished(context, work)


async def open_months(context: Context) -> None:
    """See to it that the journal has this month and the next.

    Where it is being written that is left for the next night: no row is lost, or refused, meanwhile.
    """
    today = context.clock.now().astimezone(UTC).date()
    for month in (today, today.replace(day=1) + timedelta(days=31)):
        try:
            async with context.units() as tx:
                await tx.journal.open_month(month)
                await tx.commit()
        except Unavailable as problem:
            if problem.code != "E_JOURNAL_BUSY":
                raise


async def _forget(context: Context, what: str, batch: Batch) -> None:
    """Batch after batch, until one is not full; the journal says how many in all."""
    total = 0
    while True:
        async with context.units() as tx:
            gone = await batch(tx)
            total += gone
            if gone < BATCH and total:
                await _note(context, tx, what, total)
            await tx.commit()
        if gone < BATCH:
            return


async def _note(context: Context, tx: UnitOfWork, what: str, number: int) -> None:
    await tx.journal.note(
        "forgotten",
        actor="daemon",
        object_type="retention",
        object_id=what,
        after=str(number),
        why="they are older than they are kept",
        now=context.clock.now(),
    )
