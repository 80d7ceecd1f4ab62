"""Send one attempt: at most one POST, and never a lie about its outcome (RELIABILITY 2–5).

The order of things is the point. Checks and slow calls come first; then one
transaction marks the attempt SENDING under the account's fence; then, at once,
the only POST. Whatever is not a definite answer is UNKNOWN.
"""

from __future__ import annotations

from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING

from senex.domain.alarms import Alarm, Severity
from senex.domain.closing import over_closing
from senex.domain.errors import Refused
from senex.domain.lots import leg_quantities
from senex.domain.orders import AttemptStatus, OrderKind, OrderStatus, advance, advance_attempt
from senex.domain.risk import Entry
from senex.ports.broker import Accepted, Ambiguous, RefusedByBroker
from senex.services.ahead import begin_dry_run, ticket_of
from senex.services.context import Context, Postponed, finished
from senex.services.follow import follow_order
from senex.services.intents import attempt_again
from senex.services.live_account import check_live_account
from senex.services.one_lot import check_one_lot
from senex.services.record_fill import apply_order
from senex.services.replace import OVERTAKEN, overtaken, send_replacement
from senex.services.repricing import limit_inside
from senex.services.resolve import HORIZON, LOOK_AGAIN, UNKNOWN
from senex.services.standing import check_entry, check_pace
from senex.services.sync import read_facts

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal
    from uuid import UUID

    from senex.domain.orders import Attempt, Order
    from senex.ports.broker import Submission, Ticket
    from senex.ports.cases import AccountBooks, SubmissionCase
    from senex.ports.records import Work
    from senex.ports.unit_of_work import UnitOfWork
    from senex.services.ahead import Begun

SENDING_IS_DEAD_AFTER = timedelta(seconds=15)
FIRST_BYTE_WITHIN = 0.2
ATTEMPTS_AT_MOST = 3
RETRY_AFTER = timedelta(seconds=5)
TOO_LATE = "E_TOO_LATE"
NOT_SENT = frozenset({TOO_LATE, "E_BROKER_AWAY", "E_BROKER_TOKEN"})
"""Refusals that say no byte left. Entries end there; what protects a position is sent again, under a new name."""


async def execute(context: Context, attempt_id: UUID, work: Work) -> None:
    """Send the attempt if it still may be sent; settle it whatever happened before."""
    async with context.units.account_lock(await _account_of(context, attempt_id, work)):
        begun = context.ahead.take(attempt_id)
        if begun is None:
            async with context.units.reading() as tx:
                case = await tx.cases.submission(attempt_id)
        else:
            case = begun.case
        attempt, order = case.attempt, case.order
        if attempt.status is AttemptStatus.SENDING:
            await _left_behind(context, attempt, order, work)
        elif attempt.status is AttemptStatus.PREPARED:
            await _send(context, case, begun, work)
        else:
            await finished(context, work)
    await context.publisher.changed("order", str(order.account_id), str(order.id))


async def _account_of(context: Context, attempt_id: UUID, work: Work) -> UUID:
    """Whose lock to take: the work says it, and the attempt where that does not."""
    if work.account_id is not None:
        return work.account_id
    async with context.units.reading() as tx:
        return (await tx.orders.attempt(attempt_id)).account_id


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
    """Both as they are now, under lock."""
    order = (await tx.cases.locked(order.id)).order
    return await tx.orders.attempt(attempt.id, lock=True), order


async def _send(context: Context, case: SubmissionCase, begun: Begun | None, work: Work) -> None:
    attempt, order = case.attempt, case.order
    ticket = ticket_of(case)
    old = case.replaced
    try:
        if old is not None and old.status.terminal:
            await _settle(context, attempt, order, overtaken(old.status), work)
            return
        requirement = await _checked(context, case, ticket, begun)
        committed = await _mark_sending(context, attempt, order, requirement)
    except Refused as refusal:
        if refusal.code == "E_NOT_READY":
            # a reconcile is on its way; whether the approval still holds is asked again after it
            raise Postponed(refusal.code, refusal.message) from refusal
        await _settle(
            context, attempt, order, RefusedByBroker(refusal.code, refusal.message, retriable=False), work
        )
        return
    by = committed + FIRST_BYTE_WITHIN
    if old is None:
        outcome = await context.broker.submit(ticket, first_byte_by=by)
    else:
        outcome = await send_replacement(context, old, ticket, first_byte_by=by)
    await _settle(context, attempt, order, outcome, work)


async def _checked(
    context: Context, case: SubmissionCase, ticket: Ticket, begun: Begun | None
) -> Decimal | None:
    """The broker's margin figure from its dry run, which goes on while the prices are looked at.

    A replacement has none: the broker can only try an order beside the one that it is to replace.
    """
    _check_age(context, case.order)
    if case.order.opens_risk:
        await read_facts(context, case.account)
    if case.replaced is not None:
        await context.broker.prepare()
        await _check_price(context, case)
        return None
    dry = begin_dry_run(context.broker, ticket) if begun is None else begun.margin
    try:
        await _check_price(context, case)
        return await dry
    finally:
        dry.cancel()


def _check_age(context: Context, order: Order) -> None:
    """An entry's approval must still be valid."""
    entry = order.kind is OrderKind.ENTRY
    if entry and order.valid_until is not None and context.clock.now() > order.valid_until:
        raise Refused("E_PRICING_EXPIRED", "Nothing was sent: the approved pricing is over 10 minutes old.")


async def _check_price(context: Context, case: SubmissionCase) -> None:
    """An entry's price must still be inside the approved band."""
    order = case.order
    if order.kind is OrderKind.ENTRY and order.band is not None:
        await limit_inside(
            context,
            order.legs,
            streamers=case.streamers,
            band=order.band,
            offset=case.account.entry_offset,
            tick=case.position.tick,
            limits=context.limits.of(case.account.number, case.account.risk_preset),
            written=order.limit_price,
        )


def _check_entry(
    context: Context, books: AccountBooks, order: Order, broker_requirement: Decimal | None, now: datetime
) -> None:
    """The limits once more, now with what the broker itself would require (DOMAIN 0.3)."""
    required = None if broker_requirement is None else abs(broker_requirement)
    entry = Entry.at(order.underlying, order.legs, order.limit_price, requirement=required)
    check_entry(books, entry, limits=context.limits, now=now, position_id=order.position_id)


def _check_cover(books: AccountBooks, order: Order) -> None:
    """What closes may never close more than is open, together with all else that closes it (invariant I14)."""
    lots = books.lots.get(order.position_id, ())
    keys = {order.spread_key} if order.spread_key else {lot.spread_key for lot in lots}
    beside = [
        other
        for other in books.orders
        if other.position_id == order.position_id
        and not other.opens_risk
        and (other.spread_key is None or order.spread_key is None or other.spread_key == order.spread_key)
    ]
    over = over_closing(leg_quantities(lot for lot in lots if lot.spread_key in keys), beside)
    if over is not None:
        raise Refused("E_NOTHING_TO_CLOSE", f"Nothing was sent: {over}; the position has changed.")


async def _mark_sending(
    context: Context, attempt: Attempt, order: Order, broker_requirement: Decimal | None
) -> float:
    """PREPARED → SENDING under the fence, held FOR SHARE until the commit; its monotonic time.

    The limits are checked under it too: nothing lies between them and the commit.

    Raises:
        Refused: ``E_HALTED`` for an entry the state forbids, as ``check_entry``, and ``E_NOTHING_TO_CLOSE``.
        Postponed: the same for an order that only reduces risk, and any order before a reconcile; it waits.
            So does what a halt would stop that is decided and not taken yet: nothing slips through before it.
    """
    now = context.clock.now()
    async with context.units() as tx:
        books = await tx.cases.books(order.account_id, now=now, share=True)
        if order.opens_risk:
            _check_entry(context, books, order, broker_requirement, now)
            check_live_account(context, books.account)
            await check_one_lot(context, tx, order.account_id, order.legs)
        fence = books.fence
        if not fence.state.permits(opens_risk=order.opens_risk):
            kind = Refused if order.opens_risk else Postponed
            raise kind("E_HALTED", f"Nothing was sent: the account is {fence.state} ({fence.reason}).")
        if not fence.ready:
            raise Postponed("E_NOT_READY", f"Nothing was sent: {fence.ready_reason}; senex reconciles first.")
        if any(not state.permits(opens_risk=order.opens_risk) for state in books.waiting_states):
            raise Postponed("E_HALTED", "The operator's halt is being taken; senex looks again after it.")
        if not order.opens_risk:
            _check_cover(books, order)
            check_pace(books, limits=context.limits)
        if not await tx.orders.start_sending(attempt.id, epoch=fence.epoch, now=now):
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
    await tx.journal.note_order(
        "submission outcome unknown",
        order,
        actor="daemon",
        before=order.status,
        after=OrderStatus.UNKNOWN,
        why=why,
        now=now,
    )
    alarm = Alarm(
        UNKNOWN,
        Severity.WARNING,
        order.account_id,
        "order",
        str(order.id),
        f"Whether the broker has the {order.underlying} {order.kind} is not known ({why}); nothing is sent again, "
        "and senex looks for it.",
    )
    await tx.alarms.sound(alarm, now)
    for delay in (None, HORIZON + LOOK_AGAIN):
        await tx.outbox.add(
            "reconcile", str(order.account_id), queue="trading", account_id=order.account_id, delay=delay
        )


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
    ended = OrderStatus.CANCELLED if outcome.code == OVERTAKEN else OrderStatus.REJECTED
    rejected = advance(order.status, ended)
    await tx.orders.set_status(order.id, rejected, now=now, reject_reason=outcome.message)
    await follow_order(
        tx,
        order,
        rejected,
        await tx.positions.get(order.position_id),
        now=now,
    )
    await tx.journal.note_order(
        "order refused",
        order,
        actor="broker",
        before=order.status,
        after=rejected,
        why=f"{outcome.code}: {outcome.message}",
        now=now,
    )
