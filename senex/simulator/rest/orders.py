"""Orders: try, submit, replace, cancel, read."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from aiohttp import web

from senex.domain.legs import Action, InstrumentType
from senex.simulator import wire
from senex.simulator.books.records import OrderLeg, OrderType, TimeInForce
from senex.simulator.market.sessions import new_york_date
from senex.simulator.preflight import PreflightError, Ticket
from senex.simulator.services import labelled, services

if TYPE_CHECKING:
    from senex.simulator.books.records import Order
    from senex.simulator.books.statement import Effect

routes = web.RouteTableDef()
ORDERS_PAGE = 50


async def ticket_of(request: web.Request) -> Ticket:
    """Read an order from a request.

    Raises:
        PreflightError: a field is missing or has a value the broker does not take.
    """
    body: dict[str, Any] = await request.json()
    try:
        price = None
        if body.get("price") is not None:
            price = abs(Decimal(str(body["price"])))
            price = -price if body.get("price-effect") == "Debit" else price
        return Ticket(
            type=OrderType(body["order-type"]),
            time_in_force=TimeInForce(body.get("time-in-force", "Day")),
            legs=tuple(_leg(leg) for leg in body.get("legs", ())),
            price=price,
            gtc_date=date.fromisoformat(body["gtc-date"]) if body.get("gtc-date") else None,
            external_identifier=body.get("external-identifier"),
            source=body.get("source"),
            strict=bool(
                (body.get("advanced-instructions") or {}).get("strict-position-effect-validation", False)
            ),
        )
    except (KeyError, ValueError, TypeError, AttributeError, InvalidOperation) as problem:
        raise PreflightError(("invalid_request", f"The order cannot be read: {problem}")) from problem


def _leg(body: dict[str, Any]) -> OrderLeg:
    quantity = Decimal(str(body["quantity"]))
    return OrderLeg(
        symbol=str(body["symbol"]),
        instrument=InstrumentType(body["instrument-type"]),
        action=Action(body["action"]),
        quantity=int(quantity) if quantity == quantity.to_integral_value() else 0,
    )


def _account(request: web.Request) -> str:
    number = request.match_info["account"]
    if number not in services(request).exchange.books.accounts:
        raise web.HTTPNotFound
    return number


def _order(request: web.Request) -> Order | None:
    order = services(request).exchange.books.orders.get(int(request.match_info["id"]))
    return order if order is not None and order.account == _account(request) else None


def refused(problem: PreflightError) -> web.Response:
    """422 in the broker's shape."""
    return wire.error(422, "preflight_check_failure", "One or more preflight checks failed", problem.problems)


def _placed(order: Order, effect: Effect, status: int) -> web.Response:
    return wire.data(
        {
            "order": wire.order(order),
            "warnings": [],
            "errors": [],
            "buying-power-effect": wire.effect(effect),
            "fee-calculation": wire.fee_calculation(effect.fees),
        },
        status,
    )


@routes.post("/accounts/{account}/orders/dry-run")
@labelled("dry-run")
async def dry_run(request: web.Request) -> web.Response:
    """What the order would do; nothing is kept."""
    account = _account(request)
    try:
        order, effect = services(request).exchange.dry_run(account, await ticket_of(request))
    except PreflightError as problem:
        return refused(problem)
    return _placed(order, effect, 201)


@routes.post("/accounts/{account}/orders")
@labelled("orders")
async def submit(request: web.Request) -> web.Response:
    """Accept an order."""
    account, parts = _account(request), services(request)
    try:
        order, effect = parts.exchange.submit(account, await ticket_of(request))
    except PreflightError as problem:
        return refused(problem)
    parts.schedule_routing()
    return _placed(order, effect, 201)


@routes.put(r"/accounts/{account}/orders/{id:\d+}")
@labelled("replace")
async def replace(request: web.Request) -> web.Response:
    """Replace a working order's price and time in force."""
    known, parts = _order(request), services(request)
    if known is None:
        return wire.not_found(f"order {request.match_info['id']}")
    try:
        order = parts.exchange.replace(known.account, known.id, await ticket_of(request))
    except PreflightError as problem:
        return refused(problem)
    parts.schedule_routing()
    return wire.data(wire.order(order), 201)


@routes.delete(r"/accounts/{account}/orders/{id:\d+}")
@labelled("cancel")
async def cancel(request: web.Request) -> web.Response:
    """Ask for a cancellation; it is done when the order says so."""
    known, parts = _order(request), services(request)
    if known is None:
        return wire.not_found(f"order {request.match_info['id']}")
    try:
        order = parts.exchange.request_cancel(known.id)
    except PreflightError as problem:
        return wire.error(422, *problem.problems[0])
    parts.schedule_routing()
    return wire.data(wire.order(order))


@routes.get("/accounts/{account}/orders/live")
@labelled("order-reads")
async def live(request: web.Request) -> web.Response:
    """Everything created or updated today, and all that still works."""
    account, exchange = _account(request), services(request).exchange
    today = exchange.day()
    found = [
        order
        for order in exchange.books.orders_of(account)
        if order.working or new_york_date(order.updated_at) == today
    ]
    return wire.items(wire.order(order) for order in reversed(found))


@routes.get(r"/accounts/{account}/orders/{id:\d+}")
@labelled("order-reads")
async def read(request: web.Request) -> web.Response:
    """One order."""
    known = _order(request)
    return (
        wire.not_found(f"order {request.match_info['id']}") if known is None else wire.data(wire.order(known))
    )


@routes.get("/accounts/{account}/orders")
@labelled("order-reads")
async def history(request: web.Request) -> web.Response:
    """The order history, newest first unless asked otherwise."""
    account, query = _account(request), request.query
    found = [order for order in services(request).exchange.books.orders_of(account) if _asked(order, request)]
    if query.get("sort", "Desc") != "Asc":
        found.reverse()
    return wire.page([wire.order(order) for order in found], query, ORDERS_PAGE)


def _asked(order: Order, request: web.Request) -> bool:
    query = request.query
    statuses = query.getall("status[]", [])
    day = new_york_date(order.received_at)
    return (
        (not statuses or order.status in statuses)
        and query.get("underlying-symbol", order.underlying) == order.underlying
        and ("start-date" not in query or wire.day_of(query["start-date"]) <= day)
        and ("end-date" not in query or day <= wire.day_of(query["end-date"]))
        and ("start-at" not in query or wire.instant_of(query["start-at"]) <= order.received_at)
        and ("end-at" not in query or order.received_at <= wire.instant_of(query["end-at"]))
    )


@routes.get("/accounts/{account}/complex-orders")
@labelled("complex-orders")
async def complex_history(request: web.Request) -> web.Response:
    """No complex order can be placed yet, so there is none."""
    _account(request)
    return wire.page([], request.query, ORDERS_PAGE)


@routes.get("/accounts/{account}/complex-orders/live")
@labelled("complex-orders")
async def complex_live(request: web.Request) -> web.Response:
    """No complex order can be placed yet, so there is none."""
    _account(request)
    return wire.items([])
