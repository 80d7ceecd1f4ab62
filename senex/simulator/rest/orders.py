"""Orders: try, submit, replace, cancel, read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from senex.simulator import wire, wireorders
from senex.simulator.market.sessions import new_york_date
from senex.simulator.rest.tickets import accepted, account_of, refused, ticket_of
from senex.simulator.services import labelled, services
from senex.simulator.ticket import PreflightError

if TYPE_CHECKING:
    from senex.simulator.books.records import Order

routes = web.RouteTableDef()
ORDERS_PAGE = 50


def _order(request: web.Request) -> Order | None:
    order = services(request).exchange.books.orders.get(int(request.match_info["id"]))
    return order if order is not None and order.account == account_of(request) else None


@routes.post("/accounts/{account}/orders/dry-run")
@labelled("dry-run")
async def dry_run(request: web.Request) -> web.Response:
    """What the order would do; nothing is kept."""
    account = account_of(request)
    try:
        tried = services(request).exchange.dry_run(account, await ticket_of(request))
    except PreflightError as problem:
        return refused(problem)
    return accepted("order", wireorders.order(tried.order), tried.effect, tried.warnings)


@routes.post("/accounts/{account}/orders")
@labelled("orders")
async def submit(request: web.Request) -> web.Response:
    """Accept an order."""
    account, parts = account_of(request), services(request)
    try:
        placed = parts.exchange.submit(account, await ticket_of(request))
    except PreflightError as problem:
        return refused(problem)
    return accepted("order", wireorders.order(placed.order), placed.effect, placed.warnings)


def _refused_change(problem: PreflightError) -> web.Response:
    """422: a terminal order by its own code, else a refusal as of any order."""
    code, message = problem.problems[0]
    return wire.error(422, code, message) if code == "cannot_update_order" else refused(problem)


@routes.put(r"/accounts/{account}/orders/{id:\d+}")
@labelled("replace")
async def replace(request: web.Request) -> web.Response:
    """Replace a working order's price and time in force."""
    known, parts = _order(request), services(request)
    if known is None:
        return wire.not_found(f"order {request.match_info['id']}")
    try:
        order = parts.exchange.replace(known.id, await ticket_of(request))
    except PreflightError as problem:
        return _refused_change(problem)
    return wire.data(wireorders.order(order), 201)


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
        return _refused_change(problem)
    return wire.data(wireorders.order(order))


@routes.get("/accounts/{account}/orders/live")
@labelled("order-reads")
async def live(request: web.Request) -> web.Response:
    """Everything created or updated today, and all that still works."""
    account, exchange = account_of(request), services(request).exchange
    today = exchange.day()
    found = [
        order
        for order in exchange.books.orders_of(account)
        if order.working or new_york_date(order.updated_at) == today
    ]
    return wire.items(wireorders.order(order) for order in reversed(found))


@routes.get(r"/accounts/{account}/orders/{id:\d+}")
@labelled("order-reads")
async def read(request: web.Request) -> web.Response:
    """One order."""
    known = _order(request)
    return (
        wire.not_found(f"order {request.match_info['id']}")
        if known is None
        else wire.data(wireorders.order(known))
    )


@routes.get("/accounts/{account}/orders")
@labelled("order-reads")
async def history(request: web.Request) -> web.Response:
    """The order history, newest first unless asked otherwise."""
    account, query = account_of(request), request.query
    found = [order for order in services(request).exchange.books.orders_of(account) if _asked(order, request)]
    if query.get("sort", "Desc") != "Asc":
        found.reverse()
    return wire.page([wireorders.order(order) for order in found], query, ORDERS_PAGE)


def _asked(order: Order, request: web.Request) -> bool:
    query = request.query
    statuses = query.getall("status[]", [])
    day = new_york_date(order.received_at)
    return (
        (not statuses or order.status in statuses)
        and query.get("underlying-instrument-type", order.underlying_instrument)
        == order.underlying_instrument
        and (
            "futures-symbol" not in query or any(leg.symbol == query["futures-symbol"] for leg in order.legs)
        )
        and query.get("underlying-symbol", order.underlying) == order.underlying
        and ("start-date" not in query or wire.day_of(query["start-date"]) <= day)
        and ("end-date" not in query or day <= wire.day_of(query["end-date"]))
        and ("start-at" not in query or wire.instant_of(query["start-at"]) <= order.received_at)
        and ("end-at" not in query or order.received_at <= wire.instant_of(query["end-at"]))
    )
