"""The broker's JSON: envelopes, errors, signs, and how each record looks on the wire."""

from __future__ import annotations

from contextvars import ContextVar
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from senex.simulator.books.fees import Fees
    from senex.simulator.books.records import ComplexOrder, Entry, Order, OrderLeg
    from senex.simulator.books.statement import Effect

Json = dict[str, object]
_LARGEST_PAGE = 2000


def _default(value: object) -> str:
    if isinstance(value, Decimal):
        return plain(value)
    raise TypeError(type(value).__name__)


def dumps(body: object) -> bytes:
    """JSON as the broker writes it: decimals as strings, times in UTC."""
    return orjson.dumps(body, default=_default, option=orjson.OPT_UTC_Z)


def plain(value: Decimal) -> str:
    """A decimal without exponent."""
    return f"{value:f}"


def reply(body: object, status: int = 200) -> web.Response:
    """A JSON response."""
    return web.Response(body=dumps(body), status=status, content_type="application/json")


class Invalid(ValueError):
    """A request's field that the broker refuses."""

    def __init__(self, domain: str, reason: str = "is invalid") -> None:
        super().__init__(f"{domain} {reason}")
        self.domain = domain
        self.reason = reason


CONTEXT: ContextVar[str] = ContextVar("context", default="")
"""The path that is being answered; envelopes tell it."""


def enveloped(content: object, status: int = 200, **more: object) -> web.Response:
    """Any content in the broker's envelope."""
    return reply({"data": content, "api-version": "v1", "context": CONTEXT.get(), **more}, status)


def data(content: Mapping[str, object], status: int = 200) -> web.Response:
    """One object in the broker's envelope."""
    return enveloped(content, status)


def items(content: Iterable[object]) -> web.Response:
    """A list in the broker's envelope."""
    return enveloped({"items": list(content)})


def page(content: Sequence[Json], query: Mapping[str, str], default: int) -> web.Response:
    """One page of a list, with the pagination the SDK loops by.

    Raises:
        Invalid: the page's size or number.
    """
    size = min(_LARGEST_PAGE, whole(query, "per-page", default, least=1))
    offset = whole(query, "page-offset", 0)
    part = content[offset * size : (offset + 1) * size]
    pages = (len(content) + size - 1) // size
    return enveloped(
        {"items": part},
        pagination={
            "per-page": size,
            "page-offset": offset,
            "item-offset": offset * size,
            "total-items": len(content),
            "total-pages": pages,
            "current-item-count": len(part),
            "previous-link": None,
            "next-link": None,
            "paging-link-template": None,
        },
    )


def whole(query: Mapping[str, str], name: str, default: int, *, least: int = 0) -> int:
    """A whole number from a query.

    Raises:
        Invalid: it is none, or too small.
    """
    text = query.get(name)
    if text is None:
        return default
    if not text.isdecimal() or int(text) < least:
        raise Invalid(name)
    return int(text)


def flag(query: Mapping[str, str], name: str) -> bool | None:
    """A yes or no from a query; None when it is not asked.

    Raises:
        Invalid: it is neither.
    """
    text = query.get(name)
    if text is not None and text not in {"true", "false"}:
        raise Invalid(name)
    return None if text is None else text == "true"


def invalid(problem: Invalid) -> web.Response:
    """400 in the broker's shape."""
    body: Json = {
        "code": "validation_error",
        "message": "Request validation failed",
        "errors": [{"domain": problem.domain, "reason": problem.reason}],
    }
    return reply({"error": body}, 400)


def error(status: int, code: str, message: str, problems: Iterable[tuple[str, str]] = ()) -> web.Response:
    """A refusal in the broker's shape."""
    body: Json = {"code": code, "message": message}
    inner = [{"code": inner_code, "message": text} for inner_code, text in problems]
    if inner:
        body["errors"] = inner
    return reply({"error": body}, status)


def not_found(what: str) -> web.Response:
    """404 in the broker's shape."""
    return error(404, "record_not_found", f"Couldn't find {what}")


def signed(name: str, value: Decimal) -> Json:
    """A money field and its effect: unsigned on the wire, the sign in words."""
    effect = "None" if value == 0 else "Credit" if value > 0 else "Debit"
    return {name: plain(abs(value)), f"{name}-effect": effect}


def leg(known: OrderLeg) -> Json:
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
                "fill-price": plain(fill.price),
                "filled-at": stamp(fill.filled_at),
                "destination-venue": "SIMULATOR",
            }
            for fill in known.fills
        ],
    }


def order(known: Order) -> Json:
    """An order, placed or (with a negative id) only tried."""
    body: Json = {
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
        "received-at": stamp(known.received_at),
        "updated-at": int(known.updated_at.timestamp() * 1000),
        "legs": [leg(one) for one in known.legs],
    }
    if known.id < 0:
        del body["id"]
    if known.value is not None:
        _unsized(known, body)
    for name, amount in (("price", known.price), ("value", known.value)):
        if amount is not None:
            body[name] = plain(abs(amount))
            if amount != 0:
                body[f"{name}-effect"] = "Credit" if amount > 0 else "Debit"
    optional = {
        "stop-trigger": None if known.stop_trigger is None else plain(known.stop_trigger),
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
            body[key] = stamp(value) if isinstance(value, datetime) else value
    return body


def _unsized(known: Order, body: Json) -> None:
    """A notional order has no quantity until it is filled, and then its size is what was bought."""
    shares = known.legs[0]
    if shares.fills:
        body["size"] = plain(Decimal(shares.quantity))
        return
    del body["size"]
    body["legs"] = [
        {key: value for key, value in leg(shares).items() if key not in {"quantity", "remaining-quantity"}}
    ]


def complex_order(known: ComplexOrder, members: Sequence[Order], former: Sequence[Order] = ()) -> Json:
    """A complex order with its orders, the trigger first in ``members``; tried only with a negative id.

    ``related-orders`` are those that no longer take part.
    """
    orders = [order(one) for one in members]
    body: Json = {"id": known.id, "account-number": known.account, "type": known.type}
    if known.id < 0:
        del body["id"]
    if known.trigger is not None:
        body["trigger-order"], orders = orders[0], orders[1:]
    body["orders"] = orders
    if former:
        body["related-orders"] = [_related(one) for one in former]
    if known.terminal_at is not None:
        body["terminal-at"] = stamp(known.terminal_at)
    return body


def _related(known: Order) -> Json:
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


def effect(known: Effect) -> Json:
    """What an order does to buying power; fees are part of the impact."""
    impact = known.buying_power_change
    return {
        **signed("change-in-margin-requirement", known.margin_change),
        **signed("change-in-buying-power", impact),
        **signed("current-buying-power", known.current),
        **signed("new-buying-power", known.new),
        **signed("isolated-order-margin-requirement", -known.isolated_margin),
        "is-spread": known.is_spread,
        "impact": plain(abs(impact)),
        "effect": "None" if impact == 0 else "Credit" if impact > 0 else "Debit",
    }


def fee_calculation(fees: Fees) -> Json:
    """An order's fees."""
    return {
        **signed("regulatory-fees", -fees.regulatory),
        **signed("clearing-fees", -fees.clearing),
        **signed("commission", -fees.commission),
        **signed("proprietary-index-option-fees", -fees.proprietary),
        **signed("total-fees", -fees.total),
    }


def transaction(entry: Entry) -> Json:
    """A ledger entry."""
    body: Json = {
        "id": entry.id,
        "account-number": entry.account,
        "executed-at": stamp(entry.executed_at),
        "transaction-date": entry.day,
        "transaction-type": entry.type,
        "transaction-sub-type": entry.sub_type,
        "description": entry.description,
        **signed("value", entry.value),
        **signed("net-value", entry.net_value),
        "is-estimated-fee": False,
    }
    if entry.symbol is None:
        return body
    body |= {
        **signed("commission", -entry.commission),
        **signed("clearing-fees", -entry.clearing_fees),
        **signed("regulatory-fees", -entry.regulatory_fees),
        **signed("proprietary-index-option-fees", -entry.proprietary_fees),
        "symbol": entry.symbol,
        "instrument-type": entry.instrument,
        "underlying-symbol": entry.underlying,
    }
    if entry.action is not None:
        body["quantity"] = str(entry.quantity)
        if entry.type == "Trade" or entry.sub_type == entry.action:  # what is taken away has no action
            body["action"] = entry.action
    if entry.price is not None:
        body["price"] = plain(entry.price)
    if entry.order_id is not None:
        body |= {
            "order-id": entry.order_id,
            "exec-id": entry.fill_id,
            "ext-exec-id": entry.fill_id,
            "leg-count": entry.leg_count,
            "destination-venue": "SIMULATOR",
        }
    return body


def stamp(instant: datetime) -> str:
    """An instant as ISO text with milliseconds."""
    return instant.isoformat(timespec="milliseconds")


def instant_of(text: str, domain: str = "datetime") -> datetime:
    """An instant from a query; one without an offset is UTC.

    Raises:
        Invalid: it is none.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(domain) from None
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)


def day_of(text: str, domain: str = "date") -> date:
    """A date from a query.

    Raises:
        Invalid: it is none.
    """
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise Invalid(domain) from None
