"""Orders on the wire: simple and complex ones, and what they do to buying power."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from senex.simulator import wire

if TYPE_CHECKING:
    from collections.abc import Sequence

    from senex.simulator.books.fees import Fees
    from senex.simulator.books.records import ComplexOrder, Order, OrderLeg
    from senex.simulator.books.statement import Effect


def leg(known: OrderLeg) -> wire.Json:
    """An order's leg with its fills."""
    return {
        "instrument-type": known.instrument,
        "symbol": known.symbol,
        "quantity": known.quantity,
        "remaining-quantity": known.remaining,
        "action": known.action,
        "fills": [
            {
                "ext-group-fill-id": fill.id.rsplit("_", 2)[0],
                "ext-exec-id": fill.id,
                "fill-id": fill.id,
                "quantity": fill.quantity,
                "fill-price": wire.plain(fill.price),
                "filled-at": wire.stamp(fill.filled_at),
                "destination-venue": "SIMULATOR",
            }
            for fill in known.fills
        ],
    }


def order(known: Order) -> wire.Json:
    """An order, placed or (with a negative id) only tried."""
    body: wire.Json = {
        "id": known.id,
        "account-number": known.account,
        "time-in-force": known.time_in_force,
        "order-type": known.type,
        "size": str(known.units),
        "underlying-symbol": known.underlying,
        "underlying-instrument-type": known.underlying_instrument,
        "status": known.status,
        "cancellable": known.cancellable,
        "editable": known.cancellable,
        "edited": False,
        "received-at": wire.stamp(known.received_at),
        "updated-at": int(known.updated_at.timestamp() * 1000),
        "legs": [leg(one) for one in known.legs],
    }
    if known.id < 0:
        del body["id"]
    if known.value is not None:
        _unsized(known, body)
    for name, amount in (("price", known.price), ("value", known.value)):
        if amount is not None:
            body[name] = wire.plain(abs(amount))
            if amount != 0:
                body[f"{name}-effect"] = "Credit" if amount > 0 else "Debit"
    optional = {
        "stop-trigger": None if known.stop_trigger is None else wire.plain(known.stop_trigger),
        "gtc-date": known.gtc_date,
        "external-identifier": known.external_identifier,
        "source": known.source,
        "in-flight-at": known.in_flight_at,
        "live-at": known.live_at,
        "cancelled-at": known.cancelled_at,
        "terminal-at": known.terminal_at,
        "reject-reason": known.reject_reason,
        "replaces-order-id": known.replaces,
        "replacing-order-id": known.replaced_by,
        "complex-order-id": known.complex_id,
        "complex-order-tag": known.complex_tag,
        "contingent-status": known.contingent_status,
    }
    for key, value in optional.items():
        if value is not None:
            body[key] = wire.stamp(value) if isinstance(value, datetime) else value
    return body


def _unsized(known: Order, body: wire.Json) -> None:
    """A notional order has no quantity until it is filled, and then its size is what was bought."""
    shares = known.legs[0]
    if shares.fills:
        body["size"] = wire.plain(Decimal(shares.quantity))
        return
    del body["size"]
    body["legs"] = [
        {key: value for key, value in leg(shares).items() if key not in {"quantity", "remaining-quantity"}}
    ]


def complex_order(known: ComplexOrder, members: Sequence[Order], former: Sequence[Order] = ()) -> wire.Json:
    """A complex order with its orders, the trigger first in ``members``; tried only with a negative id.

    ``related-orders`` are those that no longer take part.
    """
    orders = [order(one) for one in members]
    body: wire.Json = {"id": known.id, "account-number": known.account, "type": known.type}
    if known.id < 0:
        del body["id"]
    if known.trigger is not None:
        body["trigger-order"], orders = orders[0], orders[1:]
    body["orders"] = orders
    if former:
        body["related-orders"] = [_related(one) for one in former]
    if known.terminal_at is not None:
        body["terminal-at"] = wire.stamp(known.terminal_at)
    return body


def _related(known: Order) -> wire.Json:
    """An order that no longer takes part; every value is a string."""
    values = {
        "id": known.id,
        "complex-order-id": known.complex_id,
        "complex-order-tag": known.complex_tag,
        "replaces-order-id": known.replaces,
        "replacing-order-id": known.replaced_by,
        "status": known.status,
    }
    return {key: str(value) for key, value in values.items() if value is not None}


def effect(known: Effect) -> wire.Json:
    """What an order does to buying power; fees are part of the impact."""
    impact = known.buying_power_change
    return {
        **wire.signed("change-in-margin-requirement", known.margin_change),
        **wire.signed("change-in-buying-power", impact),
        **wire.signed("current-buying-power", known.current),
        **wire.signed("new-buying-power", known.new),
        **wire.signed("isolated-order-margin-requirement", -known.isolated_margin),
        "is-spread": known.is_spread,
        "impact": wire.plain(abs(impact)),
        "effect": "None" if impact == 0 else "Credit" if impact > 0 else "Debit",
    }


def fee_calculation(fees: Fees) -> wire.Json:
    """An order's fees."""
    return {
        **wire.signed("regulatory-fees", -fees.regulatory),
        **wire.signed("clearing-fees", -fees.clearing),
        **wire.signed("commission", -fees.commission),
        **wire.signed("proprietary-index-option-fees", -fees.proprietary),
        **wire.signed("total-fees", -fees.total),
    }
