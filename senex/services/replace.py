"""Put one order in the place of another: the same machine as a submission, sent by PUT on the old one (fault 10).

The replacement is an order of its own, with what was left of the old one, and
its attempt is settled like any other. Until the broker says that the old order
is gone it is the truth, and what it fills is counted on it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from senex.domain.errors import Refused, SenexError
from senex.domain.orders import OrderStatus, filled_evenly, unfilled
from senex.ports.broker import Ambiguous, RefusedByBroker
from senex.services.intents import intend
from senex.services.record_fill import apply_order

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal
    from uuid import UUID

    from senex.domain.orders import Order
    from senex.ports.broker import Submission, Ticket
    from senex.ports.unit_of_work import UnitOfWork
    from senex.services.context import Context

OVERTAKEN = "E_OVERTAKEN"


async def intend_replacement(
    tx: UnitOfWork,
    order: Order,
    *,
    limit: Decimal,
    actor: str,
    why: str,
    now: datetime,
    decision_id: UUID | None = None,
    valid_until: datetime | None = None,
) -> Order:
    """Write the order that is to take the place of ``order`` at ``limit``, and the work to send it.

    The position is locked by the caller. The wire carries a price, never quantities: what needs
    other quantities is cancelled, and a new order is intended once that is confirmed.

    Raises:
        Refused: ``E_ORDER_DONE``, ``E_ORDER_UNKNOWN``, ``E_ORDER_NOT_SENT``, ``E_ORDER_CANCELLING``,
            ``E_ORDER_REPLACING``, ``E_ORDER_BROKEN`` or ``E_SAME_PRICE``; nothing is written then.
    """
    order = await tx.orders.get(order.id, lock=True)
    family = await tx.orders.of_position(order.position_id)
    _check(order, family, limit)
    same = (each for each in family if (each.kind, each.spread_key) == (order.kind, order.spread_key))
    new = replace(
        order,
        id=uuid4(),
        decision_id=decision_id,
        generation=max(each.generation for each in same) + 1,
        limit_price=limit,
        valid_until=valid_until,
        status=OrderStatus.INTENDED,
        broker_order_id=None,
        lines=unfilled(order.lines),
        cancel_requested=False,
        replaces_id=order.id,
    )
    await intend(tx, new, actor=actor, why=why, now=now)
    return new


def _check(order: Order, family: tuple[Order, ...], limit: Decimal) -> None:
    if order.status.terminal:
        raise Refused("E_ORDER_DONE", f"The order is already {order.status}; nothing to replace.")
    if order.status is OrderStatus.UNKNOWN:
        raise Refused(
            "E_ORDER_UNKNOWN",
            "Whether the broker has this order is not known yet; reconcile settles it, then replace.",
        )
    if order.broker_order_id is None:
        raise Refused("E_ORDER_NOT_SENT", "The order is not at the broker yet; try again in a second.")
    if order.cancel_requested:
        raise Refused("E_ORDER_CANCELLING", "The order is being cancelled; nothing was changed.")
    other = pending_replacement(order, family)
    if other is not None:
        raise Refused(
            "E_ORDER_REPLACING",
            f"The order is being replaced already, by {str(other.id)[:8]} at {other.limit_price}; wait for it.",
        )
    if not filled_evenly(order.lines):
        raise Refused(
            "E_ORDER_BROKEN",
            "The order's legs have filled unevenly, so no one price fits what is left; cancel it instead.",
        )
    if limit == order.limit_price:
        raise Refused("E_SAME_PRICE", f"The order works at {limit} already; nothing was changed.")


def pending_replacement(order: Order, family: tuple[Order, ...]) -> Order | None:
    """The order that is on its way to take the place of ``order``."""
    return next((each for each in family if each.replaces_id == order.id and not each.status.terminal), None)


async def send_replacement(
    context: Context, old: Order, ticket: Ticket, *, first_byte_by: float
) -> Submission:
    """PUT once; a refusal is taken for one only when the old order still says so.

    A request that somebody doubled on its way is refused the second time, and that may be the answer we get.
    """
    theirs_id = old.broker_order_id or ""  # it was at the broker when its replacement was intended
    outcome = await context.broker.replace(theirs_id, ticket, first_byte_by=first_byte_by)
    if not isinstance(outcome, RefusedByBroker) or outcome.code != "E_BROKER_PREFLIGHT":
        return outcome
    try:
        theirs = await context.broker.order(ticket.account_number, theirs_id)
        await apply_order(context, old.account_id, theirs, source="rest")
    except SenexError as problem:
        return Ambiguous(f"the broker refused it, and what it was to replace cannot be read ({problem})")
    if theirs.replaced_by is not None:
        return Ambiguous(
            f"the broker refused it ({outcome.message}), but says that {theirs.id} is being replaced"
        )
    if theirs.means.terminal:
        return overtaken(theirs.means)
    return outcome


def overtaken(status: OrderStatus) -> RefusedByBroker:
    """What becomes of a replacement that came too late for what it was to replace."""
    told = "overtaken by a fill" if status is OrderStatus.FILLED else f"what it was to replace is {status}"
    return RefusedByBroker(OVERTAKEN, told, retriable=False)
