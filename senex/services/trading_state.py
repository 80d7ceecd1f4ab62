"""Set what may be sent for an account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.alarms import DAILY_LOSS
from senex.domain.decisions import Answer, Outcome
from senex.domain.errors import Refused, UsageProblem
from senex.domain.orders import OrderStatus
from senex.domain.trading_state import TradingState
from senex.services.fence import may_resume

if TYPE_CHECKING:
    from uuid import UUID

    from senex.domain.decisions import Decision
    from senex.domain.orders import Order
    from senex.ports.records import Work
    from senex.ports.unit_of_work import UnitOfWork
    from senex.services.context import Context


async def set_state(context: Context, decision: Decision, work: Work) -> None:
    """Take the operator's word at once; tightening needs nothing more than a trader.

    Raises:
        UsageProblem: ``E_STATE`` for a state that does not exist.
        Refused: ``E_STATE_SUPERSEDED`` when a stricter word was given after this one, which came late; as
            ``may_resume`` in a restored database.
    """
    try:
        wanted = TradingState(decision.state or "")
    except ValueError:
        known = ", ".join(TradingState)
        raise UsageProblem(
            "E_STATE", f"{decision.state!r} is no trading state; use one of {known}."
        ) from None
    async with context.units() as tx:
        before = await tx.accounts.fence(decision.account_id)
        now = context.clock.now()
        later = await tx.suggestions.later_states(decision, now)
        if any(state.stricter_than(wanted) for state in later):
            raise Refused(
                "E_STATE_SUPERSEDED",
                f"A stricter state was decided after this {wanted}, so it stands; decide again if you mean it.",
            )
        if before.state is TradingState.HALTED and wanted is not TradingState.HALTED:
            await may_resume(context, tx)
        reason = decision.reason or "set by the operator"
        await tx.accounts.set_state(decision.account_id, wanted, reason=reason, by=decision.operator, now=now)
        if wanted is TradingState.ACTIVE:
            await tx.alarms.resolve_others(DAILY_LOSS, (), account_id=decision.account_id, now=now)
        working = [
            o
            for o in await tx.orders.open(decision.account_id)
            if o.broker_order_id or o.status is OrderStatus.UNKNOWN
        ]
        message = f"The account is {wanted}."
        if wanted is TradingState.HALTED and working:
            named = ", ".join(
                f"{order.underlying} {order.spread_key or order.kind}{_doubt(order)}" for order in working
            )
            message += f" Still working at the broker: {named}."
        await tx.suggestions.answer(decision.id, Answer(Outcome.DONE, "OK", message), now)
        await tx.journal.note(
            "trading state set",
            actor=decision.operator,
            object_type="account",
            object_id=str(decision.account_id),
            account_id=decision.account_id,
            before=before.state,
            after=wanted,
            why=reason,
            now=now,
        )
        await tx.outbox.done(work)
        await tx.commit()
    await context.publisher.changed("state", str(decision.account_id), str(decision.account_id))


async def stop_entries(context: Context, tx: UnitOfWork, account_id: UUID, reason: str) -> None:
    """Leave an active account REDUCE_ONLY; one that is stricter stays as it is."""
    fence = await tx.accounts.fence(account_id)
    if fence.state is not TradingState.ACTIVE:
        return
    now = context.clock.now()
    await tx.accounts.set_state(account_id, TradingState.REDUCE_ONLY, reason=reason, by="daemon", now=now)
    await tx.journal.note(
        "entries halted",
        actor="daemon",
        object_type="account",
        object_id=str(account_id),
        account_id=account_id,
        before=fence.state,
        after=TradingState.REDUCE_ONLY,
        why=reason,
        now=now,
    )


def _doubt(order: Order) -> str:
    return " (whether it arrived is not known)" if order.status is OrderStatus.UNKNOWN else ""
