"""Orders that took each other's place: which they are, and whose a fill is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.orders import OrderStatus

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from senex.domain.orders import Order
    from senex.ports.broker import BrokerOrder
    from senex.ports.unit_of_work import UnitOfWork


async def entry_orders(tx: UnitOfWork, position_id: UUID) -> tuple[Order, ...]:
    """The position's entry and what replaced it, oldest first."""
    return tuple(order for order in await tx.orders.of_position(position_id) if order.opens_risk)


async def replaced_by_us(tx: UnitOfWork, order: Order) -> bool:
    """Whether an order of ours may have taken its place, and may have ended since."""
    given_up = (OrderStatus.CANCELLED, OrderStatus.REJECTED)
    return any(
        each.replaces_id == order.id and (each.status not in given_up or each.broker_order_id is not None)
        for each in await tx.orders.of_position(order.position_id)
    )


async def booked_elsewhere(tx: UnitOfWork, order: Order) -> frozenset[tuple[str, str]]:
    """Symbol and fill id of what is booked on an order it replaced, or that replaced it.

    A broker may carry the fills of the old one over; each is counted once (invariant I5).
    """
    family = [
        each
        for each in await tx.orders.of_position(order.position_id)
        if (each.kind, each.spread_key) == (order.kind, order.spread_key) and each.id != order.id
    ]
    booked: set[tuple[str, str]] = set()
    for each in family:
        booked |= {(stored.symbol, stored.fill.fill_id) for stored in await tx.orders.fills(each.id)}
    return frozenset(booked)


async def fit(
    tx: UnitOfWork, order: Order, theirs: BrokerOrder, elsewhere: Collection[tuple[str, str]]
) -> None:
    """A replacement has what was left of the old one when the broker took it, which may be less than we thought."""
    taken = dict.fromkeys((line.leg.symbol for line in order.lines), 0)
    for leg in theirs.legs:
        carried = sum(fill.quantity for fill in leg.fills if (leg.symbol, fill.fill_id) in elsewhere)
        taken[leg.symbol] = leg.quantity - carried
    if any(line.leg.quantity != taken[line.leg.symbol] for line in order.lines):
        await tx.orders.shrink(order.id, taken)
