"""Apply one raw account alert."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.errors import Unavailable, UsageProblem
from senex.services.record_fill import apply_order

if TYPE_CHECKING:
    from uuid import UUID

    from senex.ports.records import Work
    from senex.services.context import Context


async def apply_alert(context: Context, message_id: UUID, work: Work) -> None:
    """Book the order an alert carries; what does not parse is noted, and REST settles it."""
    async with context.units.reading() as tx:
        account_id, text = await tx.journal.message(message_id)
    problem = ""
    try:
        theirs = context.broker.read_alert(text)
    except UsageProblem as error:
        theirs, problem = None, str(error)
    if account_id is not None and theirs is not None:
        try:
            await apply_order(context, account_id, theirs, source="alert", work=work)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001  a contradiction or a broken rule of the books: it stays one
            problem = str(error)
        else:
            return
    async with context.units() as tx:
        if problem and account_id is not None:
            await tx.journal.note(
                "alert quarantined",
                actor="daemon",
                object_type="broker_message",
                object_id=str(message_id),
                account_id=account_id,
                why=problem,
                now=context.clock.now(),
            )
            await tx.outbox.add(
                "monitor_open_orders", str(account_id), queue="trading", account_id=account_id
            )
        await tx.outbox.done(work)
        await tx.commit()
