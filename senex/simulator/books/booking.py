"""Booking a fill: the order's new state and the ledger entries that go with it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from senex.simulator.books.fees import charge
from senex.simulator.books.records import Entry, Fill, Order, OrderLeg, OrderStatus, multiplier
from senex.simulator.market.sessions import new_york_date

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from senex.simulator.books.records import Quantity


def fill(
    order: Order,
    *,
    quantities: Mapping[str, Quantity],
    prices: Mapping[str, int],
    instant: datetime,
    tick: int,
    next_entry: Callable[[], int],
) -> tuple[Order, list[Entry]]:
    """Fill quantities of legs at prices in cents; one ledger entry per leg that fills."""
    legs, entries = [], []
    for index, leg in enumerate(order.legs):
        quantity = quantities.get(leg.symbol, 0)
        if not quantity:
            legs.append(leg)
            continue
        execution = Fill(
            id=f"{order.id}_{index + 1}_{len(leg.fills) + 1}",
            quantity=quantity,
            price=Decimal(prices[leg.symbol]) / 100,
            filled_at=instant,
            tick=tick,
        )
        legs.append(replace(leg, fills=(*leg.fills, execution)))
        entries.append(_entry(order, leg, execution, next_entry()))
    done = all(leg.remaining == 0 for leg in legs)
    filled = replace(
        order,
        legs=tuple(legs),
        status=OrderStatus.FILLED if done else order.status,
        updated_at=instant,
        terminal_at=instant if done else None,
    )
    return filled, entries


def _entry(order: Order, leg: OrderLeg, execution: Fill, number: int) -> Entry:
    day = new_york_date(execution.filled_at)
    value = -leg.action.sign * execution.price * execution.quantity * multiplier(leg.instrument)
    fees = charge(leg, execution.quantity, execution.price, day)
    verb = "Bought" if leg.action.sign > 0 else "Sold"
    return Entry(
        id=number,
        account=order.account,
        type="Trade",
        sub_type=str(leg.action),
        description=f"{verb} {execution.quantity} {leg.symbol} @ {execution.price}",
        executed_at=execution.filled_at,
        day=day,
        value=value,
        commission=fees.commission,
        clearing_fees=fees.clearing,
        regulatory_fees=fees.regulatory,
        proprietary_fees=fees.proprietary,
        symbol=leg.symbol,
        instrument=leg.instrument,
        underlying=order.underlying,
        action=leg.action,
        quantity=execution.quantity,
        price=execution.price,
        order_id=order.id,
        fill_id=execution.id,
        leg_count=len(order.legs),
    )
