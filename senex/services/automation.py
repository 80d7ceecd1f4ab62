"""Automated entries: a policy an operator has recorded decides in their stead, within their limits.

It proposes as `suggest` does and approves by a decision row of its own, which
then passes every check an operator's approval passes. The day's row is claimed
in the transaction that writes the decision, so whoever comes second, in
whichever process, enters nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from senex.domain.automation import NAME, OFF, ON, POLICY, Turn, beyond, out_of_turn, read_words, standing
from senex.domain.calendar import new_york_date
from senex.domain.decisions import Answer, Decision, DecisionKind, Outcome
from senex.domain.errors import Refused, UsageProblem
from senex.domain.strategies import strategy
from senex.ports.records import Following
from senex.services.context import Postponed
from senex.services.suggest import keep, propose

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from senex.domain.automation import AutomatedEntry, Automation
    from senex.domain.trading_state import Fence
    from senex.ports.records import Work
    from senex.services.context import Context
    from senex.services.suggest import Proposed

REPEAT = "repeat_until_filled"
DATA_WITHIN = 15.0


async def set_automation(context: Context, decision: Decision, work: Work) -> None:
    """Record what the operator lets senex decide by itself.

    Raises:
        UsageProblem: ``E_AUTOMATION``, ``E_SYMBOL`` or ``E_STRATEGY``.
    """
    if decision.state not in (ON, OFF):
        raise UsageProblem("E_AUTOMATION", "Automation is switched on or off; say which.")
    wanted = read_words(decision.options, enabled=decision.state == ON)
    strategy(wanted.strategy)
    now = context.clock.now()
    async with context.units() as tx:
        before = await tx.automations.get(decision.account_id)
        await tx.automations.set(decision.account_id, wanted, by=decision.operator, now=now)
        message = f"Automated entries are {decision.state}: {_said(wanted)}."
        await tx.suggestions.answer(decision.id, Answer(Outcome.DONE, "OK", message), now)
        await tx.journal.note(
            "automation set",
            actor=f"{decision.operator} at {decision.terminal} ({decision.role})",
            object_type=NAME,
            object_id=str(decision.account_id),
            account_id=decision.account_id,
            before=None if before is None else _said(before),
            after=_said(wanted),
            why=decision.reason or "",
            now=now,
        )
        await tx.outbox.done(work)
        await tx.commit()
    await context.publisher.changed("account", str(decision.account_id), str(decision.account_id))


async def check_policy(context: Context, decision: Decision) -> None:
    """A policy's approval counts only while its operator lets it decide.

    Raises:
        Refused: ``E_AUTOMATION_OFF``.
    """
    if decision.role != POLICY or decision.kind is not DecisionKind.APPROVE:
        return
    async with context.units.reading() as tx:
        automation = await tx.automations.get(decision.account_id)
    if automation is None or not automation.enabled:
        raise Refused("E_AUTOMATION_OFF", "Automated entries were switched off meanwhile; nothing was sent.")


async def automated_cycle(context: Context, account_id: UUID, work: Work) -> Following | None:
    """Make today's automated entry, or store why not; the decision to be taken at once.

    Raises:
        Postponed: ``E_AUTOMATION_WAITS`` while an earlier entry is being cancelled or the books are compared
            with the broker; it is tried again.
    """
    now = context.clock.now()
    first = work.job != REPEAT
    async with context.units.reading() as tx:
        automation = await tx.automations.get(account_id)
        calendar = await tx.market.calendar(new_york_date(now))
        entry = await tx.automations.entry(account_id, new_york_date(now))
        fence = await tx.accounts.fence(account_id)
    if automation is None or not automation.enabled or not (first or automation.repeat_until_filled):
        await _end(context, work)
        return None
    why = out_of_turn(now, calendar, first=first) or await _held(context, account_id, entry, fence)
    made = await _propose(context, account_id, automation) if why is None else why
    if not isinstance(made, str):
        return await _decide(context, made, entry, work)
    await _end(context, work, skipped=made)
    return None


async def _held(context: Context, account_id: UUID, entry: AutomatedEntry | None, fence: Fence) -> str | None:
    """Why today's entry is taken; what will soon be free is waited for."""
    stands = standing(entry, context.clock.now())
    if stands.turn is Turn.TAKEN:
        return stands.why
    if stands.turn is Turn.CANCEL and entry is not None:
        await _cancel(context, account_id, entry, stands.why)
    waiting = stands.why or ("" if fence.ready else fence.ready_reason)
    if waiting:
        raise Postponed("E_AUTOMATION_WAITS", f"No automated entry yet: {waiting}.")
    return None


async def _propose(context: Context, account_id: UUID, automation: Automation) -> Proposed | str:
    """A proposal within the operator's limits, or why there is none."""
    await context.quotes.wanted({automation.underlying}, timeout=DATA_WITHIN)
    try:
        made = await propose(context, account_id, automation.underlying, automation.strategy)
    except (Refused, UsageProblem) as problem:
        return "; ".join(problem.reasons) or problem.message
    return "; ".join(beyond(automation, made.suggestion.proposal)) or made


async def _decide(
    context: Context, made: Proposed, entry: AutomatedEntry | None, work: Work
) -> Following | None:
    """Write suggestion and decision, if the day is still ours to decide."""
    suggestion, now = made.suggestion, context.clock.now()
    decision = replace(
        _decision(suggestion.account_id, DecisionKind.APPROVE, now),
        suggestion_id=suggestion.id,
        version=suggestion.version,
        digest=suggestion.digest,
        shown_at=now,
        reason=made.message,
    )
    async with context.units() as tx:
        await keep(tx, made, actor=NAME)
        await tx.suggestions.decide(decision)
        if not await tx.automations.claim(
            suggestion.account_id,
            new_york_date(now),
            decision.id,
            instead_of=None if entry is None else entry.decision_id,
            now=now,
        ):
            raise Postponed("E_AUTOMATION_WAITS", "Another run decides for this account at this moment.")
        await tx.journal.note(
            "automation decided",
            actor=NAME,
            object_type="suggestion",
            object_id=str(suggestion.id),
            account_id=suggestion.account_id,
            why=made.message,
            now=now,
        )
        await tx.outbox.done(work)
        await tx.commit()
    await context.publisher.changed("suggestion", str(suggestion.account_id), str(suggestion.id))
    return Following("decide", str(decision.id))


async def _cancel(context: Context, account_id: UUID, entry: AutomatedEntry, why: str) -> None:
    """Have the earlier entry cancelled; a fill may still come first, and counts."""
    now = context.clock.now()
    async with context.units() as tx:
        wish = _decision(account_id, DecisionKind.CANCEL_ORDER, now)
        await tx.suggestions.decide(replace(wish, order_id=entry.order_id, reason=why))
        await tx.commit()


async def _end(context: Context, work: Work, *, skipped: str | None = None) -> None:
    now = context.clock.now()
    async with context.units() as tx:
        if (
            skipped is not None
            and work.account_id is not None
            and await tx.automations.skipped(work.account_id, new_york_date(now), skipped, now)
        ):
            await tx.journal.note(
                "automation skipped",
                actor=NAME,
                object_type=NAME,
                object_id=str(work.account_id),
                account_id=work.account_id,
                why=f"skipped because {skipped}",
                now=now,
            )
        await tx.outbox.done(work)
        await tx.commit()


def _decision(account_id: UUID, kind: DecisionKind, now: datetime) -> Decision:
    return Decision(
        id=uuid4(),
        account_id=account_id,
        kind=kind,
        operator=NAME,
        terminal="daemon",
        role=POLICY,
        decided_at=now,
    )


def _said(automation: Automation) -> str:
    return ("" if automation.enabled else "off, ") + ", ".join(automation.words)
