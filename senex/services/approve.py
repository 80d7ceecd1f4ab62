"""The daemon's half of an approval: from a decision row to one durable intent (RELIABILITY 1b).

Everything is checked again here, in the transaction that consumes the
decision: what the console showed was only what the operator saw.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from senex.domain.decisions import Answer, Outcome
from senex.domain.errors import Refused
from senex.domain.orders import Order, OrderKind, OrderLine, OrderStatus, Origin, TimeInForce
from senex.domain.positions import Position, PositionSpread, PositionStatus
from senex.domain.quotes import PRICING_MAX_AGE
from senex.domain.risk import Entry
from senex.domain.suggestions import EXECUTABLE_FOR, SuggestionStatus
from senex.ports.cases import SubmissionCase
from senex.services.intents import attempt_of, sending, write
from senex.services.live_account import check_live_account
from senex.services.one_lot import check_one_lot
from senex.services.repricing import limit_inside
from senex.services.standing import check_entry

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from senex.domain.decisions import Decision
    from senex.domain.suggestions import Suggestion
    from senex.ports.cases import DecisionCase
    from senex.ports.records import Following, Work
    from senex.ports.unit_of_work import UnitOfWork
    from senex.services.context import Context

CLOCK_SLACK = timedelta(seconds=5)
"""How far apart the clocks of two processes may be; what lies further ahead was never shown."""


async def approve(context: Context, case: DecisionCase, work: Work) -> Following:
    """Turn an approval into an order to send, or refuse it with its reasons; the work to send it.

    Raises:
        Refused: with the code of the first rule that said no; nothing was written.
    """
    decision, suggestion = case.decision, case.suggestion
    if suggestion is None:
        raise Refused("E_DECISION", "The approval names no suggestion; approve from the console or the CLI.")
    _check_binding(suggestion, decision, context.clock.now())
    proposal = suggestion.proposal
    limit = await limit_inside(
        context,
        proposal.legs,
        streamers=case.streamers,
        band=proposal.band,
        offset=case.account.entry_offset,
        tick=proposal.tick,
        limits=context.limits.of(case.account.number, case.account.risk_preset),
    )
    async with context.units() as tx:
        suggestion, books = await tx.cases.approval(
            suggestion.id, suggestion.account_id, now=context.clock.now()
        )
        now = context.clock.now()
        _check_binding(suggestion, decision, now)
        entry = Entry.at(proposal.underlying, proposal.legs, limit)
        check_entry(books, entry, limits=context.limits, now=now)
        check_live_account(context, books.account)
        await check_one_lot(context, tx, suggestion.account_id, proposal.legs)
        position = _position(suggestion, now)
        order = _entry(suggestion, decision, position, limit)
        attempt = attempt_of(order, number=1, namespace=books.namespace)
        why = f"suggestion {suggestion.id} v{suggestion.version}, digest {suggestion.digest[:12]}"
        actor = f"{decision.operator} at {decision.terminal} ({decision.role})"
        message = f"Approved: {proposal.underlying} {proposal.strategy}, limit {limit} for {position.units} unit(s)."
        answer = Answer(Outcome.DONE, "OK", message, suggestion_id=suggestion.id, order_id=order.id)
        context.ahead.begin(
            context.broker,
            SubmissionCase(
                attempt=attempt,
                order=order,
                account=books.account,
                position=position,
                streamers=case.streamers,
            ),
        )
        await tx.positions.add(position)
        await write(tx, order, attempt, actor=actor, why=why, now=now)
        await tx.suggestions.set_status(suggestion.id, SuggestionStatus.APPROVED, now=now)
        await tx.suggestions.answer(decision.id, answer, now)
        await tx.outbox.done(work)
        await tx.commit()
    await context.publisher.changed("suggestion", str(suggestion.account_id), str(suggestion.id))
    return sending(attempt)


async def reject(context: Context, decision: Decision, work: Work) -> None:
    """Put a suggestion aside for the reason the operator gave."""
    if decision.suggestion_id is None:
        raise Refused("E_DECISION", "The rejection names no suggestion.")
    async with context.units() as tx:
        suggestion = await tx.suggestions.get(decision.suggestion_id, lock=True)
        if suggestion.status is not SuggestionStatus.PENDING:
            raise Refused("E_SUGGESTION_STATE", f"The suggestion is already {suggestion.status}.")
        now = context.clock.now()
        await tx.suggestions.set_status(suggestion.id, SuggestionStatus.REJECTED, now=now)
        answer = Answer(Outcome.DONE, "OK", "Rejected.", suggestion_id=suggestion.id)
        await tx.suggestions.answer(decision.id, answer, now)
        await tx.journal.note(
            "suggestion rejected",
            actor=decision.operator,
            object_type="suggestion",
            object_id=str(suggestion.id),
            account_id=suggestion.account_id,
            before=SuggestionStatus.PENDING,
            after=SuggestionStatus.REJECTED,
            why=decision.reason or "",
            now=now,
        )
        await tx.outbox.done(work)
        await tx.commit()
    await context.publisher.changed("suggestion", str(suggestion.account_id), str(suggestion.id))


async def reopen(tx: UnitOfWork, decision: Decision) -> None:
    """After a refusal: a suggestion still pending gets a new version, since each is decided once."""
    if decision.suggestion_id is None:
        return
    suggestion = await tx.suggestions.get(decision.suggestion_id, lock=True)
    if suggestion.status is SuggestionStatus.PENDING and suggestion.version == decision.version:
        await tx.suggestions.reopen(replace(suggestion, version=suggestion.version + 1))


def _check_binding(suggestion: Suggestion, decision: Decision, now: datetime) -> None:
    """The approval must be of this suggestion, as it stands, and in time (invariant I12)."""
    if suggestion.status is SuggestionStatus.EXPIRED or now >= suggestion.expires_at:
        raise Refused("E_SUGGESTION_EXPIRED", "The suggestion has expired; ask for a new one.")
    if suggestion.status is not SuggestionStatus.PENDING:
        raise Refused("E_SUGGESTION_STATE", f"The suggestion is already {suggestion.status}.")
    if decision.version != suggestion.version or decision.digest != suggestion.digest:
        raise Refused(
            "E_SUGGESTION_CHANGED", "The suggestion is not the one you saw; look at it again and decide anew."
        )
    if not -CLOCK_SLACK <= now - suggestion.priced_at <= EXECUTABLE_FOR:
        raise Refused(
            "E_PRICING_EXPIRED",
            "The suggestion was priced over 10 minutes ago, or before the clock was set back; ask for a new one.",
        )
    if decision.shown_at is None or not -CLOCK_SLACK <= now - decision.shown_at <= PRICING_MAX_AGE:
        raise Refused(
            "E_SHOWN_STALE", "The prices on your screen were over 60 seconds old; look again and decide anew."
        )


def _position(suggestion: Suggestion, now: datetime) -> Position:
    proposal = suggestion.proposal
    return Position(
        id=uuid4(),
        account_id=suggestion.account_id,
        origin=Origin.STRATEGY,
        parent_id=None,
        suggestion_id=suggestion.id,
        strategy=proposal.strategy,
        underlying=proposal.underlying,
        expiry=proposal.expiry,
        units=proposal.units,
        status=PositionStatus.PENDING_ENTRY,
        initial_risk=proposal.max_loss,
        tick=proposal.tick,
        exit_plan=proposal.exit_plan,
        spreads=tuple(PositionSpread(plan, None) for plan in proposal.spreads),
        created_at=now,
        opened_at=None,
    )


def _entry(suggestion: Suggestion, decision: Decision, position: Position, limit: Decimal) -> Order:
    return Order(
        id=uuid4(),
        account_id=suggestion.account_id,
        origin=Origin.STRATEGY,
        kind=OrderKind.ENTRY,
        position_id=position.id,
        decision_id=decision.id,
        spread_key=None,
        generation=0,
        underlying=suggestion.proposal.underlying,
        time_in_force=TimeInForce.DAY,
        limit_price=limit,
        band=suggestion.proposal.band,
        valid_until=suggestion.priced_at + EXECUTABLE_FOR,
        status=OrderStatus.INTENDED,
        broker_order_id=None,
        lines=tuple(OrderLine(leg) for leg in suggestion.proposal.legs),
    )
