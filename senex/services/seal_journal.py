"""Seal what the audit has grown by: one batch after the other, per account (``domain.seal``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.seal import NO_ACCOUNT, seal
from senex.services.context import finished

if TYPE_CHECKING:
    from uuid import UUID

    from senex.ports.records import Work
    from senex.services.context import Context

BATCH = 1000


async def seal_journal(context: Context, account_id: UUID, work: Work) -> None:
    """Seal the account's chain, and that of what belongs to no account.

    Raises:
        Unavailable: ``E_JOURNAL_BUSY``; nothing was sealed, and it is tried again.
    """
    async with context.units() as tx:
        until = await tx.journal.settled()
    for chain in (account_id, NO_ACCOUNT):
        while await _seal_batch(context, chain, until):
            pass
    await finished(context, work)


async def _seal_batch(context: Context, chain: UUID, until: int) -> bool:
    """Seal the next rows; false when there are none, or when another process was faster."""
    async with context.units() as tx:
        newest = await tx.journal.newest_seal(chain)
        sealed = 0 if newest is None else newest.last_serial
        rows = await tx.journal.rows_after(chain, sealed, until=until, limit=BATCH)
        if not rows or not await tx.journal.add_seal(
            seal(rows, chain=chain, after=newest), context.clock.now()
        ):
            return False
        await tx.commit()
    return True
