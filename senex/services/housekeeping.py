"""Ends what has outlived its time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from senex.ports.records import Work
    from senex.services.context import Context


async def expire_suggestions(context: Context, work: Work) -> None:
    """Pending suggestions past their end expire; nothing is deleted."""
    async with context.units() as tx:
        expired = await tx.suggestions.expire(context.clock.now())
        async with tx.at_once():
            await tx.outbox.done(work)
            await tx.commit()
    for suggestion_id in expired:
        await context.publisher.changed("suggestion", str(work.account_id), str(suggestion_id))
