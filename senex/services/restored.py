"""What a database restored from a backup has to settle before it may be traded on.

What was done after the moment restored to is not in it, so nothing is taken up
where it seems to stand: every account is halted and automation is off, whatever
may have been sent is looked for at the broker and never sent again, and what
operators had decided is to be decided anew. The deployment takes the next
generation, by which the old one knows that it has been replaced.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from senex.domain.alarms import Alarm, Severity
from senex.domain.decisions import Answer, Outcome
from senex.domain.deployment import SETTLES, next_generation
from senex.domain.orders import AttemptStatus, OrderStatus, advance, advance_attempt
from senex.services.fence import halt
from senex.services.resolve import UNKNOWN

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from senex.domain.orders import Attempt
    from senex.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory

WHO = "restore"
CODE = "E_RESTORED"
_DOUBT = "it may have been sent after the moment the database was restored to"


@dataclass(frozen=True, slots=True)
class Fenced:
    """What was settled."""

    namespace: UUID
    accounts: tuple[str, ...]
    doubtful: int
    undecided: int


async def fence_restored(
    units: UnitOfWorkFactory, *, now: datetime, fresh: UUID, reason: str, old_is_gone: bool = False
) -> Fenced:
    """Settle all of it in one transaction; to be called once per restore, with random ``fresh``.

    ``old_is_gone``: the old deployment certainly runs nowhere, so nobody waits for it to hear.
    """
    async with units() as tx:
        before = await tx.deployment.get()
        namespace = next_generation(before.namespace, fresh, after=before.replaced_by)
        await tx.deployment.renew(namespace, now, settled_at=now - SETTLES if old_is_gone else None)
        accounts = await tx.deployment.accounts()
        for account in accounts:
            await halt(tx, account.id, "trading state set", why=reason, by=WHO, now=now)
            automation = await tx.automations.get(account.id)
            if automation is not None and automation.enabled:
                await tx.automations.set(account.id, replace(automation, enabled=False), by=WHO, now=now)
        attempts = await tx.deployment.unsettled()
        for attempt in attempts:
            await _doubt(tx, attempt, now)
        undecided = await tx.deployment.undecided()
        told = f"The database was restored ({reason}) before this was taken; look again, then decide anew."
        for decision_id in undecided:
            await tx.suggestions.answer(decision_id, Answer(Outcome.REFUSED, CODE, told), now)
        await tx.journal.note(
            "deployment restored",
            actor=WHO,
            object_type="deployment",
            object_id=str(namespace),
            account_id=None,
            before=str(before.namespace),
            after=str(namespace),
            why=reason,
            now=now,
        )
        await tx.commit()
    numbers = tuple(account.number for account in accounts)
    return Fenced(namespace, numbers, len(attempts), len(undecided))


async def _doubt(tx: UnitOfWork, attempt: Attempt, now: datetime) -> None:
    """As an answer that was lost: found and adopted, or proved absent."""
    advance_attempt(attempt.status, AttemptStatus.UNKNOWN)
    await tx.deployment.doubt(attempt.id, now, why=_DOUBT)
    order = await tx.orders.get(attempt.order_id, lock=True)
    await tx.orders.set_status(order.id, advance(order.status, OrderStatus.UNKNOWN), now=now)
    text = (
        f"Whether the broker has the {order.underlying} {order.kind} is not known ({_DOUBT}); nothing is sent again, "
        "and senex looks for it."
    )
    alarm = Alarm(UNKNOWN, Severity.WARNING, order.account_id, "order", str(order.id), text)
    await tx.alarms.sound(alarm, now)
