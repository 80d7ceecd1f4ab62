"""An operator's better price for an order that works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.caps import possible
from senex.domain.decisions import Answer, Outcome
from senex.domain.errors import Refused
from senex.domain.money import on_tick
from senex.domain.suggestions import EXECUTABLE_FOR
from senex.services.replace import intend_replacement

if TYPE_CHECKING:
    from decimal import Decimal

    from senex.domain.decisions import Decision
    from senex.domain.orders import Order
    from senex.domain.positions import Position
    from senex.ports.records import Work
    from senex.services.context import Context


async def replace_order(context: Context, decision: Decision, work: Work) -> None:
    """Have the order replaced by one at the decided price; each decision does so once.

    Raises:
        Refused: ``E_PRICE`` where the price makes no sense, ``E_PRICE_OUTSIDE`` for an entry beyond its approved
            band, and as ``intend_replacement``.
    """
    if decision.order_id is None or decision.price is None:
        raise Refused("E_DECISION", "The replacement names no order, or no price.")
    async with context.units() as tx:
        order = await tx.orders.get(decision.order_id)
        position = await tx.positions.get(order.position_id, lock=True)
        if (
            not order.status.terminal
        ):  # of one that has ended no price is right; that it has ended is said below
            _check_price(order, position, decision.price)
        now = context.clock.now()
        new = await intend_replacement(
            tx,
            order,
            limit=decision.price,
            actor=f"{decision.operator} at {decision.terminal} ({decision.role})",
            why=decision.reason or f"replaces {order.limit_price} by {decision.price}",
            now=now,
            decision_id=decision.id,
            valid_until=now + EXECUTABLE_FOR if order.opens_risk else None,
        )
        message = f"Replacing the limit {order.limit_price} by {decision.price}; a fill may still come first."
        answer = Answer(Outcome.DONE, "OK", message, order_id=new.id)
        await tx.suggestions.answer(decision.id, answer, now)
        await tx.outbox.done(work)
        await tx.commit()
    await context.publisher.changed("order", str(order.account_id), str(order.id))


def _check_price(order: Order, position: Position, price: Decimal) -> None:
    """An entry stays inside what was approved (DOMAIN 0.9); what closes may cost what its legs can be worth."""
    if not on_tick(price, position.tick):
        raise Refused("E_PRICE", f"{price} is not a whole number of ticks of {position.tick}.")
    if price * order.limit_price < 0:
        raise Refused(
            "E_PRICE", "A replacement cannot turn what is received into what is paid; cancel it instead."
        )
    impossible = next(possible(order.legs, price), None)
    if impossible is not None:
        raise Refused("E_PRICE", f"Refused: {impossible}.", reasons=(str(impossible),))
    if order.opens_risk and (order.band is None or not order.band.holds(price)):
        approved = "nothing" if order.band is None else f"{order.band.low} to {order.band.high}"
        raise Refused(
            "E_PRICE_OUTSIDE",
            f"{price} is outside what was approved ({approved}); cancel the order and ask for a new suggestion.",
        )
