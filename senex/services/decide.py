"""Consume a decision row: hand it to its use case, answer it once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from senex.domain.decisions import Answer, DecisionKind, Outcome
from senex.domain.errors import OutcomeUnknown, Refused, SenexError, Unavailable
from senex.services.approve import approve, reject, reopen
from senex.services.cancel import request_cancel
from senex.services.context import Postponed
from senex.services.operators import check_operator
from senex.services.suggest import suggest
from senex.services.sync import sync_account, sync_orders
from senex.services.trading_state import set_state

if TYPE_CHECKING:
    from uuid import UUID

    from senex.domain.decisions import Decision
    from senex.ports.unit_of_work import Work
    from senex.services.context import Context


class _UseCase(Protocol):
    async def __call__(self, context: Context, decision: Decision, work: Work) -> None: ...


async def _sync(context: Context, decision: Decision, work: Work) -> None:
    await sync_orders(context, decision.account_id)
    await sync_account(context, decision.account_id)
    async with context.units() as tx:
        answer = Answer(Outcome.DONE, "OK", "Orders, balances and positions were read.")
        await tx.suggestions.answer(decision.id, answer, context.clock.now())
        await tx.outbox.done(work)
        await tx.commit()


_USE_CASES: dict[DecisionKind, _UseCase] = {
    DecisionKind.SUGGEST: suggest,
    DecisionKind.APPROVE: approve,
    DecisionKind.REJECT: reject,
    DecisionKind.CANCEL_ORDER: request_cancel,
    DecisionKind.SET_STATE: set_state,
    DecisionKind.SYNC: _sync,
}


async def decide(context: Context, decision_id: UUID, work: Work) -> None:
    """Do what was decided and answer; a decision is answered once, whoever else works on it."""
    async with context.units() as tx:
        decision, answered = await tx.suggestions.decision(decision_id)
    if answered is None:
        try:
            await _check(context, decision)
            await _USE_CASES[decision.kind](context, decision, work)
        except (Postponed, OutcomeUnknown):
            raise
        except Unavailable as error:
            if error.code == "E_POSTGRES_AWAY":
                raise
            await _answer(context, decision, error, Outcome.FAILED, work)
        except SenexError as error:
            outcome = Outcome.REFUSED if isinstance(error, Refused) else Outcome.FAILED
            await _answer(context, decision, error, outcome, work)
    else:
        async with context.units() as tx:
            await tx.outbox.done(work)
            await tx.commit()
    await context.publisher.changed("decision", str(decision.account_id), str(decision.id))


async def _check(context: Context, decision: Decision) -> None:
    """Who may decide, and on what: an account's decision touches nothing of another account.

    Raises:
        Refused: ``E_OPERATOR``, ``E_PASSPHRASE`` or ``E_DECISION``.
    """
    async with context.units() as tx:
        await check_operator(tx, decision, environment=context.environment)
        account = await tx.accounts.get(decision.account_id)
        named = [account.id]
        if decision.suggestion_id is not None:
            named.append((await tx.suggestions.get(decision.suggestion_id)).account_id)
        if decision.order_id is not None:
            named.append((await tx.orders.get(decision.order_id)).account_id)
    if account.environment != context.environment:
        raise Refused(
            "E_DECISION",
            f"The account belongs to the {account.environment} environment and this daemon trades in "
            f"{context.environment}; decide from a console of the same environment.",
        )
    if any(account_id != decision.account_id for account_id in named):
        raise Refused(
            "E_DECISION", "The decision is about another account than it names; look again, then decide anew."
        )


async def _answer(
    context: Context, decision: Decision, error: SenexError, outcome: Outcome, work: Work
) -> None:
    now = context.clock.now()
    async with context.units() as tx:
        answer = Answer(
            outcome, error.code, error.message, error.reasons, suggestion_id=decision.suggestion_id
        )
        await tx.suggestions.answer(decision.id, answer, now)
        if decision.kind in (DecisionKind.APPROVE, DecisionKind.REJECT):
            await reopen(tx, decision)
        await tx.journal.note(
            f"decision {outcome}",
            actor=decision.operator,
            object_type="decision",
            object_id=str(decision.id),
            account_id=decision.account_id,
            why=str(error),
            now=now,
        )
        await tx.outbox.done(work)
        await tx.commit()
