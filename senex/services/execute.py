"""Send one attempt: at most one POST, and never a lie about its outcome (RELIABILITY 2–5).

The order of things is the point. Checks and slow calls come first; then one
transaction marks the attempt SENDING under the account's fence; then, at once,
the only POST. Whatever is not a definite answer is UNKNOWN.
"""

from __future__ import annotations

from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING

from senex.domain.errors import Refused
from senex.domain.orders import AttemptStatus, OrderKind, OrderStatus, advance, advance_attempt
from senex.domain.positions import PositionStatus
from senex.domain.trading_state import TradingState
from senex.ports.broker import Accepted, Ambiguous, RefusedByBroker, Ticket
from senex.services.context import Context, Postponed
from senex.services.intents import attempt_again
from senex.services.record_fill import apply_order, note_lost_target
from senex.services.repricing import limit_inside
from senex.services.standing import Candidate, check_entry

if TYPE_CHECKING:
    from decimal import Decimal
    from uuid import UUID

    from senex.domain.orders import Attempt, Order
    from senex.ports.broker import Submission
    from senex.ports.unit_of_work import Account, UnitOfWork, Work

SENDING_IS_DEAD_AFTER = timedelta(seconds=15)
FIRST_BYTE_WITHIN = 0.2
ATTEMPTS_AT_MOST = 3
RETRY_AFTER = timedelta(seconds=5)
TOO_LATE = "E_TOO_LATE"
NOT_SENT = frozenset({TOO_LATE, "E_BROKER_AWAY", "E_BROKER_TOKEN"})
"""Refusals that say no byte left. Entries end there; what protects a position is sent again, under a new name."""


async def execute(context: Context, attempt_id: UUID, work: Work) -> None:
    """Send the attempt if it still may be sent; settle it whatever happened before."""
    async with context.units() as tx:
        attempt = await tx.orders.attempt(attempt_id)
    async with context.units.account_lock(attempt.account_id):
        async with context.units() as tx:
            attempt = await tx.orders.attempt(attempt_id)
            order = await tx.orders.get(attempt.order_id)
            account = await tx.accounts.get(attempt.account_id)
        if attempt.status is AttemptStatus.SENDING:
            await _left_behind(context, attempt, order, work)
        elif attempt.status is AttemptStatus.PREPARED:
            await _send(context, attempt, order, account, work)
        else:
            async with context.units() as tx:
                await tx.outbox.done(work)
                await tx.commit()
    await context.publisher.changed("order", str(order.account_id), str(order.id))


async def _left_behind(context: Context, attempt: Attempt, order: Order, work: Work) -> None:
    """A sender died between its commit and its record: what the broker knows is not known here."""
    async with context.units() as tx:
        attempt, order = await _locked(tx, attempt, order)
        # the alert stream may have adopted it since it was read
        if attempt.status is AttemptStatus.SENDING:
            if await tx.orders.sending_since(attempt.id) < SENDING_IS_DEAD_AFTER:
                raise Postponed(
                    "E_SENDING", "Another process may still be sending this order; senex looks again."
                )
            why = "the sender died between its commit and the broker's answer"
            await _unknown(context, tx, attempt, order, why)
        await tx.outbox.done(work)
        await tx.commit()


async def _locked(tx: UnitOfWork, attempt: Attempt, order: Order) -> tuple[Attempt, Order]:
    """Both as they are now, under lock. Everybody locks in one order: position, order, attempt."""
    await tx.positions.get(order.position_id, lock=True)
    order = await tx.orders.get(order.id, lock=True)
    return await tx.orders.attempt(attempt.id, lock=True), order


async def _send(context: Context, attempt: Attempt, order: Order, account: Account, work: Work) -> None:
    ticket = Ticket(
        account_number=account.number,
        legs=order.legs,
        limit_price=order.limit_price,
        time_in_force=order.time_in_force,
        external_identifier=attempt.external_identifier,
        strict_position_effect=not order.opens_risk,
    )
    try:
        await _check(context, order, account)
        await context.broker.prepare()
        dry = await context.broker.dry_run(ticket)
        await _check_risk(context, order, dry.margin_requirement)
        committed = await _mark_sending(context, attempt, order)
    except Refused as refusal:
        if refusal.code == "E_NOT_READY":
            # a reconcile is on its way; whether the approval still holds is asked again after it
            raise Postponed(refusal.code, refusal.message) from refusal
        await _settle(
            context, attempt, order, RefusedByBroker(refusal.code, refusal.message, retriable=False), work
        )
        return
    outcome = await context.broker.submit(ticket, first_byte_by=committed + FIRST_BYTE_WITHIN)
    await _settle(context, attempt, order, outcome, work)


async def _check(context: Context, order: Order, account: Account) -> None:
    """What must hold before an entry: it is still valid and its price inside the approved band."""
    if order.kind is not OrderKind.ENTRY:
        return
    now = context.clock.now()
    if order.valid_until is not None and now > order.valid_until:
        raise Refused("E_PRICING_EXPIRED", "Nothing was sent: the approved pricing is over 10 minutes old.")
    if order.band is not None:
        async with context.units() as tx:
            position = await tx.positions.get(order.position_id)
        await limit_inside(
            context, order.legs, band=order.band, offset=account.entry_offset, tick=position.tick
        )


async def _check_risk(context: Context, order: Order, broker_requirement: Decimal) -> None:
    """The limits once more, now with what the broker itself would require (DOMAIN 0.3)."""
    if not order.opens_risk:
        return
    candidate = Candidate(
        account_id=order.account_id,
        underlying=order.underlying,
        legs=order.legs,
        limit=order.limit_price,
        position_id=order.position_id,
        broker_requirement=abs(broker_requirement),
    )
    async with context.units() as tx:
        await check_entry(tx, candidate, now=context.clock.now())


async def _mark_sending(context: Context, attempt: Attempt, order: Order) -> float:
    """PREPARED → SENDING under the fence, held FOR SHARE until the commit; its monotonic time.

    Raises:
        Refused: ``E_HALTED`` for an entry the state forbids.
        Postponed: the same for an order that only reduces risk, and any order before a reconcile; it waits.
            So does what a halt would stop that is decided and not taken yet: nothing slips through before it.
    """
    async with context.units() as tx:
        fence = await tx.accounts.fence(order.account_id, share=True)
        if not fence.state.permits(opens_risk=order.opens_risk):
            kind = Refused if order.opens_risk else Postponed
            raise kind("E_HALTED", f"Nothing was sent: the account is {fence.state} ({fence.reason}).")
        if not fence.ready:
            raise Postponed("E_NOT_READY", f"Nothing was sent: {fence.ready_reason}; senex reconciles first.")
        stops = [state for state in TradingState if not state.permits(opens_risk=order.opens_risk)]
        if await tx.suggestions.state_waits(order.account_id, stops):
            raise Postponed("E_HALTED", "The operator's halt is being taken; senex looks again after it.")
        if not await tx.orders.start_sending(attempt.id, epoch=fence.epoch, now=context.clock.now()):
            raise Postponed("E_SENDING", "Another process took this order; senex looks again.")
        await tx.commit()
    return monotonic()


async def _settle(context: Context, attempt: Attempt, order: Order, outcome: Submission, work: Work) -> None:
    """Record what the broker said, in one transaction with the end of the work."""
    if isinstance(outcome, Accepted):
        await apply_order(context, order.account_id, outcome.order, source="rest", work=work)
        return
    async with context.units() as tx:
        # the alert stream may have been faster than the answer
        attempt, order = await _locked(tx, attempt, order)
        if attempt.status is not AttemptStatus.ACCEPTED:
            if isinstance(outcome, Ambiguous):
                await _unknown(context, tx, attempt, order, outcome.why)
            else:
                await _refused(context, tx, attempt, order, outcome)
        await tx.outbox.done(work)
        await tx.commit()


async def _unknown(context: Context, tx: UnitOfWork, attempt: Attempt, order: Order, why: str) -> None:
    now = context.clock.now()
    status = advance_attempt(attempt.status, AttemptStatus.UNKNOWN)
    await tx.orders.settle(attempt.id, status, now=now, code="E_OUTCOME_UNKNOWN", message=why)
    await tx.orders.set_status(order.id, advance(order.status, OrderStatus.UNKNOWN), now=now)
    await tx.journal.note(
        "submission outcome unknown",
        actor="daemon",
        object_type="order",
        object_id=str(order.id),
        account_id=order.account_id,
        before=order.status,
        after=OrderStatus.UNKNOWN,
        why=why,
        now=now,
    )
    await tx.outbox.add("reconcile", str(order.account_id), queue="trading", account_id=order.account_id)


async def _refused(
    context: Context, tx: UnitOfWork, attempt: Attempt, order: Order, outcome: RefusedByBroker
) -> None:
    now = context.clock.now()
    end = AttemptStatus.ABANDONED if outcome.code == TOO_LATE else AttemptStatus.REFUSED
    status = advance_attempt(attempt.status, end)
    await tx.orders.settle(attempt.id, status, now=now, code=outcome.code, message=outcome.message)
    again = outcome.retriable or (not order.opens_risk and outcome.code in NOT_SENT)
    if again and attempt.number < ATTEMPTS_AT_MOST:
        await attempt_again(tx, order, number=attempt.number + 1, now=now, delay=RETRY_AFTER)
        return
    rejected = advance(order.status, OrderStatus.REJECTED)
    await tx.orders.set_status(order.id, rejected, now=now, reject_reason=outcome.message)
    if order.opens_risk:
        await tx.positions.set_status(
            order.position_id, PositionStatus.EXPIRED, now=now, closure_reason="order_unfilled"
        )
    await note_lost_target(tx, order, f"the broker refused it: {outcome.message}", now=now)
    await tx.journal.note(
        "order refused",
        actor="broker",
        object_type="order",
        object_id=str(order.id),
        account_id=order.account_id,
        before=order.status,
        after=rejected,
        why=f"{outcome.code}: {outcome.message}",
        now=now,
    )
