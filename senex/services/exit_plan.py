"""What an operator changes of how a position ends: its targets set again, its stop allowed to send orders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.decisions import Answer, Outcome
from senex.domain.errors import Refused
from senex.services.tend import place_wanted

if TYPE_CHECKING:
    from datetime import datetime

    from senex.domain.decisions import Decision
    from senex.domain.positions import Position
    from senex.ports.records import Work
    from senex.ports.unit_of_work import UnitOfWork
    from senex.services.context import Context


async def restore_targets(context: Context, decision: Decision, work: Work) -> None:
    """Set the targets of a position again, those an operator took away too.

    Raises:
        Refused: ``E_NO_TARGET`` when there is none to set.
    """
    async with context.units() as tx:
        position = await position_of(tx, decision)
        placed = await place_wanted(context, tx, position)
        if not placed:
            raise Refused(
                "E_NO_TARGET",
                "No target was set: each open spread has one, is being closed, or plans none; "
                "`senex positions show` says which.",
            )
        message = f"Targets of {position.underlying} {', '.join(placed)} are set again."
        await answered(tx, decision, message, "targets restored", work, context.clock.now())
    await context.publisher.changed("position", str(position.account_id), str(position.id))


async def set_stop(context: Context, decision: Decision, work: Work) -> None:
    """Let a position's stop send closing orders, or only alarm."""
    now = context.clock.now()
    async with context.units() as tx:
        position = await position_of(tx, decision)
        allowed = "on" in decision.options
        await tx.positions.allow_stop_orders(position.id, allowed=allowed)
        share = position.exit_plan.stop_order_share
        does = "closes it at natural" if allowed else "only alarms"
        message = f"From {share:.0%} of its maximum loss on, the stop of {position.underlying} {does}."
        await answered(tx, decision, message, "stop set", work, now)
    await context.publisher.changed("position", str(decision.account_id), str(position.id))


async def position_of(tx: UnitOfWork, decision: Decision) -> Position:
    """The position a decision is about, under lock.

    Raises:
        Refused: ``E_DECISION`` when it names none, or one of another account.
    """
    if decision.subject_id is None:
        raise Refused("E_DECISION", "The decision names no position.")
    position = await tx.positions.get(decision.subject_id, lock=True)
    if position.account_id != decision.account_id:
        raise Refused(
            "E_DECISION", "The decision is about another account than it names; look again, then decide anew."
        )
    return position


async def answered(
    tx: UnitOfWork, decision: Decision, message: str, action: str, work: Work, now: datetime
) -> None:
    await tx.suggestions.answer(decision.id, Answer(Outcome.DONE, "OK", message), now)
    about = decision.subject_id or decision.account_id
    await tx.journal.note(
        action,
        actor=decision.operator,
        object_type="account" if decision.subject_id is None else "position",
        object_id=str(about) + (f"/{decision.spread_key}" if decision.spread_key else ""),
        account_id=decision.account_id,
        after=message,
        why=decision.reason or "",
        now=now,
    )
    await tx.outbox.done(work)
    await tx.commit()
