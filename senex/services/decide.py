"""Consume a decision row: hand it to its use case, answer it once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from senex.domain.decisions import Answer, DecisionKind, Outcome
from senex.domain.errors import OutcomeUnknown, Refused, SenexError, Unavailable, Unstorable
from senex.services.adopt import adopt_position
from senex.services.approve import approve, reject, reopen
from senex.services.attend import acknowledge, resume_underlying
from senex.services.automation import check_policy, set_automation
from senex.services.cancel import request_cancel
from senex.services.close_position import close_position, flatten
from senex.services.context import Postponed, finished
from senex.services.exit_plan import restore_targets, set_stop
from senex.services.fix import reconcile_on_request
from senex.services.jobs import pause_job, resume_job, retry_job, run_job
from senex.services.operators import check_operator
from senex.services.probe import probe_broker
from senex.services.replace_order import replace_order
from senex.services.send_notices import set_notify_mode, test_notification
from senex.services.suggest import suggest
from senex.services.sync import sync_account, sync_orders
from senex.services.trading_state import set_state

if TYPE_CHECKING:
    from uuid import UUID

    from senex.domain.decisions import Decision
    from senex.ports.cases import DecisionCase
    from senex.ports.records import Following, Work
    from senex.services.context import Context


class _UseCase(Protocol):
    """Returns work that should be done at once, if any."""

    async def __call__(self, context: Context, case: DecisionCase, work: Work) -> Following | None: ...


class _Simple(Protocol):
    async def __call__(self, context: Context, decision: Decision, work: Work) -> None: ...


def _of_decision(use_case: _Simple) -> _UseCase:
    """A use case that needs no more than the decision."""

    async def handle(context: Context, case: DecisionCase, work: Work) -> None:
        await use_case(context, case.decision, work)

    return handle


async def _sync(context: Context, decision: Decision, work: Work) -> None:
    await sync_orders(context, decision.account_id)
    await sync_account(context, decision.account_id)
    async with context.units() as tx:
        answer = Answer(Outcome.DONE, "OK", "Orders, balances and positions were read.")
        await tx.suggestions.answer(decision.id, answer, context.clock.now())
        await tx.outbox.done(work)
        await tx.commit()


_USE_CASES: dict[DecisionKind, _UseCase] = {
    DecisionKind.SUGGEST: _of_decision(suggest),
    DecisionKind.APPROVE: approve,
    DecisionKind.REJECT: _of_decision(reject),
    DecisionKind.CANCEL_ORDER: _of_decision(request_cancel),
    DecisionKind.REPLACE_ORDER: _of_decision(replace_order),
    DecisionKind.SET_STATE: _of_decision(set_state),
    DecisionKind.SYNC: _of_decision(_sync),
    DecisionKind.PROBE_BROKER: _of_decision(probe_broker),
    DecisionKind.ADOPT_POSITION: _of_decision(adopt_position),
    DecisionKind.RECONCILE: _of_decision(reconcile_on_request),
    DecisionKind.ACKNOWLEDGE: _of_decision(acknowledge),
    DecisionKind.RESUME_UNDERLYING: _of_decision(resume_underlying),
    DecisionKind.CLOSE_POSITION: _of_decision(close_position),
    DecisionKind.FLATTEN: _of_decision(flatten),
    DecisionKind.RESTORE_TARGETS: _of_decision(restore_targets),
    DecisionKind.SET_STOP: _of_decision(set_stop),
    DecisionKind.RUN_JOB: _of_decision(run_job),
    DecisionKind.PAUSE_JOB: _of_decision(pause_job),
    DecisionKind.RESUME_JOB: _of_decision(resume_job),
    DecisionKind.RETRY_JOB: _of_decision(retry_job),
    DecisionKind.SET_AUTOMATION: _of_decision(set_automation),
    DecisionKind.SET_NOTIFY_MODE: _of_decision(set_notify_mode),
    DecisionKind.TEST_NOTIFICATION: _of_decision(test_notification),
}


async def decide(context: Context, decision_id: UUID, work: Work) -> Following | None:
    """Do what was decided and answer; a decision is answered once, whoever else works on it.

    Returns work that should be done at once: the order of an approval is to be sent.
    """
    following: Following | None = None
    async with context.units.reading() as tx:
        case = await tx.cases.decision(decision_id)
    decision = case.decision
    if case.answer is None:
        try:
            _check(case, environment=context.environment)
            await check_policy(context, decision)
            following = await _USE_CASES[decision.kind](context, case, work)
        except (Postponed, OutcomeUnknown):
            raise
        except Unavailable as error:
            if error.code == "E_POSTGRES_AWAY":
                raise
            await _answer(context, decision, error, Outcome.FAILED, work)
        except Unstorable as error:
            await _answer(context, decision, error.as_input(), Outcome.FAILED, work)
        except SenexError as error:
            outcome = Outcome.REFUSED if isinstance(error, Refused) else Outcome.FAILED
            await _answer(context, decision, error, outcome, work)
    else:
        await finished(context, work)
    await context.publisher.changed("decision", str(decision.account_id), str(decision.id))
    return following


def _check(case: DecisionCase, *, environment: str) -> None:
    """Who may decide, and on what: an account's decision touches nothing of another account.

    Raises:
        Refused: ``E_OPERATOR``, ``E_PASSPHRASE`` or ``E_DECISION``.
    """
    check_operator(case.operator, case.decision, environment=environment)
    if case.account.environment != environment:
        raise Refused(
            "E_DECISION",
            f"The account belongs to the {case.account.environment} environment and this daemon trades in "
            f"{environment}; decide from a console of the same environment.",
        )
    named = {case.decision.account_id, case.order_account_id or case.decision.account_id}
    if case.suggestion is not None:
        named.add(case.suggestion.account_id)
    if len(named) > 1:
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
