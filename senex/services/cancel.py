"""Cancel an order. Cancels pass in every trading state; the broker's answer is the truth."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import UUID

from senex.domain.decisions import Answer, Outcome
from senex.domain.errors import Refused
from senex.domain.orders import AttemptStatus, OrderStatus, advance, advance_attempt
from senex.services.context import finished
from senex.services.follow import follow_order
from senex.services.record_fill import apply_order
from senex.services.replace import pending_replacement

if TYPE_CHECKING:
    from senex.domain.decisions import Decision
    from senex.domain.orders import Order
    from senex.ports.records import Work
    from senex.ports.unit_of_work import UnitOfWork
    from senex.services.context import Context


async def request_cancel(context: Context, decision: Decision, work: Work) -> None:
    """Take the wish: an order not sent yet ends here, one at the broker is asked to be cancelled.

    Raises:
        Refused: ``E_ORDER_DONE`` when it has ended, ``E_ORDER_UNKNOWN`` while its outcome is not known,
            ``E_ORDER_REPLACING`` while another is being put in its place.
    """
    if decision.order_id is None:
        raise Refused("E_DECISION", "The cancel names no order.")
    async with context.units() as tx:
        order = await tx.orders.get(decision.order_id)
        await tx.positions.get(order.position_id, lock=True)
        order = await tx.orders.get(decision.order_id, lock=True)
        if order.status.terminal:
            raise Refused("E_ORDER_DONE", f"The order is already {order.status}; nothing to cancel.")
        if order.status is OrderStatus.UNKNOWN:
            raise Refused(
                "E_ORDER_UNKNOWN",
                "Whether the broker has this order is not known yet; reconcile settles it, then cancel.",
            )
        replacement = pending_replacement(order, await tx.orders.of_position(order.position_id))
        if replacement is not None:
            await _withdraw_replacement(context, tx, replacement, decision.operator)
        now = context.clock.now()
        await tx.orders.request_cancel(order.id, now, actor=decision.operator)
        message = "Cancel sent to the broker; a fill may still come first."
        if order.broker_order_id is None:
            message = await withdraw(context, tx, order)
        else:
            await tx.outbox.add("cancel", str(order.id), queue="trading", account_id=order.account_id)
        answer = Answer(Outcome.DONE, "OK", message, order_id=order.id)
        await tx.suggestions.answer(decision.id, answer, now)
        await tx.journal.note_order(
            "cancel requested",
            order,
            actor=decision.operator,
            before=order.status,
            why=decision.reason or "",
            now=now,
        )
        await tx.outbox.done(work)
        await tx.commit()
    await context.publisher.changed("order", str(order.account_id), str(order.id))


async def _withdraw_replacement(context: Context, tx: UnitOfWork, replacement: Order, actor: str) -> None:
    """The order is not wanted, so what was to replace it is not either; once sent, it is the one to cancel."""
    name = str(replacement.id)[:8]
    if replacement.status is not OrderStatus.INTENDED:
        raise Refused("E_ORDER_REPLACING", f"The order is being replaced by {name}; cancel that one.")
    await tx.orders.get(replacement.id, lock=True)
    await tx.orders.request_cancel(replacement.id, context.clock.now(), actor=actor)
    await withdraw(context, tx, replacement)


async def withdraw(context: Context, tx: UnitOfWork, order: Order) -> str:
    """End an order no byte of which has left; one being sent right now cannot be taken back."""
    now = context.clock.now()
    for attempt in await tx.orders.attempts(order.id):
        locked = await tx.orders.attempt(attempt.id, lock=True)
        if locked.status is AttemptStatus.SENDING:
            raise Refused("E_SENDING", "The order is being sent at this moment; cancel it again in a second.")
        if locked.status is AttemptStatus.PREPARED:
            status = advance_attempt(locked.status, AttemptStatus.ABANDONED)
            await tx.orders.settle(locked.id, status, now=now, code="OK", message="cancelled before sending")
    await tx.orders.set_status(order.id, advance(order.status, OrderStatus.CANCELLED), now=now)
    if order.opens_risk:
        position = await tx.positions.get(order.position_id)
        await follow_order(tx, order, OrderStatus.CANCELLED, position, now=now)
    return "Cancelled before it was sent."


async def cancel(context: Context, order_id: UUID, work: Work) -> None:
    """Ask the broker to cancel, then book what it says, a fill that won the race included."""
    async with context.units() as tx:
        order = await tx.orders.get(order_id)
        account = await tx.accounts.get(order.account_id)
        replaced = (await tx.deployment.get()).replaced_by is not None
    # what another deployment trades by now is not ours to cancel
    if replaced or order.status.terminal or order.broker_order_id is None:
        await finished(context, work)
        return
    async with context.units.account_lock(order.account_id):
        refusal = None
        try:
            await context.broker.cancel(account.number, order.broker_order_id)
        except Refused as told:  # a terminal order cannot be cancelled: the read below says how it ended
            refusal = told.message
        theirs = await context.broker.order(account.number, order.broker_order_id)
        if refusal is not None and not theirs.means.terminal:
            await _not_taken(context, order, refusal)
        await apply_order(context, order.account_id, theirs, source="rest", work=work)


async def _not_taken(context: Context, order: Order, why: str) -> None:
    """A cancel the broker does not take is said, and not asked for again at once (fault 9)."""
    async with context.units() as tx:
        await tx.journal.note_order(
            "cancel not taken",
            order,
            actor="broker",
            why=why,
            now=context.clock.now(),
        )
        await tx.commit()


async def cancel_orphan(context: Context, work: Work) -> None:
    """Ask the broker to cancel an order that is not in the books, then look what became of it."""
    account, broker_order_id = work.subject.split("/")
    account_id = UUID(account)
    async with context.units.account_lock(account_id):
        async with context.units.reading() as tx:
            number = (await tx.accounts.get(account_id)).number
            replaced = (await tx.deployment.get()).replaced_by is not None
        if replaced:
            await finished(context, work)
            return
        with suppress(Refused):  # it has ended already: the read below says how
            await context.broker.cancel(number, broker_order_id)
        theirs = await context.broker.order(number, broker_order_id)
        await apply_order(context, account_id, theirs, source="rest", work=work)
