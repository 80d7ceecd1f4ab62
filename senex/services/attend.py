"""What an operator does about an alarm: says it was seen, lets an underlying trade again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.decisions import Answer, Outcome
from senex.domain.errors import Refused, UsageProblem
from senex.domain.symbols import underlying_symbol

if TYPE_CHECKING:
    from senex.domain.decisions import Decision
    from senex.ports.records import Work
    from senex.services.context import Context


async def acknowledge(context: Context, decision: Decision, work: Work) -> None:
    """Say that an alarm, or a notice of the inbox, was seen; an alarm stays open until it is mended.

    Raises:
        Refused: ``E_ALARM_SEEN`` when somebody has seen it already, or it is not there.
    """
    if decision.subject_id is None:
        raise UsageProblem("E_DECISION", "The acknowledgement names no alarm.")
    now = context.clock.now()
    async with context.units() as tx:
        noticed = await tx.inbox.seen(decision.subject_id, by=decision.operator, now=now)
        alarms = {decision.subject_id, *(noticed or ())}
        seen = [await tx.alarms.seen(each, by=decision.operator, now=now) for each in sorted(alarms)]
        if noticed is None and not any(seen):
            raise Refused("E_ALARM_SEEN", "It was acknowledged before, or it is not there.")
        await tx.suggestions.answer(decision.id, Answer(Outcome.DONE, "OK", "Acknowledged."), now)
        await tx.journal.note(
            "alarm acknowledged",
            actor=decision.operator,
            object_type="alarm",
            object_id=str(decision.subject_id),
            account_id=decision.account_id,
            why=decision.reason or "",
            now=now,
        )
        await tx.outbox.done(work)
        await tx.commit()
    await context.publisher.changed("alarm", str(decision.account_id), str(decision.subject_id))


async def resume_underlying(context: Context, decision: Decision, work: Work) -> None:
    """Lift the halt of an underlying after somebody has looked.

    Raises:
        Refused: ``E_NOT_HALTED``.
    """
    underlying = underlying_symbol(decision.symbol or "")
    now = context.clock.now()
    async with context.units() as tx:
        if not await tx.alarms.resume_underlying(decision.account_id, underlying):
            raise Refused("E_NOT_HALTED", f"{underlying} is not halted; nothing was changed.")
        message = f"{underlying} may be traded again."
        await tx.suggestions.answer(decision.id, Answer(Outcome.DONE, "OK", message), now)
        await tx.journal.note(
            "underlying resumed",
            actor=decision.operator,
            object_type="underlying",
            object_id=underlying,
            account_id=decision.account_id,
            why=decision.reason or "",
            now=now,
        )
        await tx.outbox.done(work)
        await tx.commit()
    await context.publisher.changed("state", str(decision.account_id), str(decision.account_id))
