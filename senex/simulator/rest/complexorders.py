"""Complex orders: try, submit, cancel, read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from senex.simulator import wire, wireorders
from senex.simulator.market.sessions import new_york_date
from senex.simulator.rendering import complex_json
from senex.simulator.rest.tickets import accepted, account_of, complex_ticket_of, refused
from senex.simulator.services import labelled, services
from senex.simulator.ticket import PreflightError

if TYPE_CHECKING:
    from datetime import date

    from senex.simulator.books.books import Books
    from senex.simulator.books.records import ComplexOrder

routes = web.RouteTableDef()
PAGE = 50


def _known(request: web.Request) -> ComplexOrder | None:
    found = services(request).exchange.books.complex_orders.get(int(request.match_info["id"]))
    return found if found is not None and found.account == account_of(request) else None


def _not_found(request: web.Request) -> web.Response:
    return wire.not_found(f"complex order {request.match_info['id']}")


@routes.post("/accounts/{account}/complex-orders/dry-run")
@labelled("complex-dry-run")
async def dry_run(request: web.Request) -> web.Response:
    """What the complex order would do; nothing is kept."""
    account = account_of(request)
    try:
        tried = services(request).exchange.dry_run_complex(account, await complex_ticket_of(request))
    except PreflightError as problem:
        return refused(problem)
    body = wireorders.complex_order(tried.complex_order, tried.orders)
    return accepted("complex-order", body, tried.effect, tried.warnings)


@routes.post("/accounts/{account}/complex-orders")
@labelled("complex-orders")
async def submit(request: web.Request) -> web.Response:
    """Accept a complex order."""
    account, parts = account_of(request), services(request)
    try:
        placed = parts.exchange.submit_complex(account, await complex_ticket_of(request))
    except PreflightError as problem:
        return refused(problem)
    body = wireorders.complex_order(placed.complex_order, placed.orders)
    return accepted("complex-order", body, placed.effect, placed.warnings)


@routes.delete(r"/accounts/{account}/complex-orders/{id:\d+}")
@labelled("complex-cancel")
async def cancel(request: web.Request) -> web.Response:
    """Ask to cancel all of a complex order."""
    known, parts = _known(request), services(request)
    if known is None:
        return _not_found(request)
    try:
        cancelled = parts.exchange.cancel_complex(known.id)
    except PreflightError as problem:
        return wire.error(422, *problem.problems[0])
    return wire.data(complex_json(parts.exchange, cancelled))


@routes.get("/accounts/{account}/complex-orders/live")
@labelled("complex-reads")
async def live(request: web.Request) -> web.Response:
    """Everything created or updated today, and all that still works; newest first."""
    account, exchange = account_of(request), services(request).exchange
    books, today = exchange.books, exchange.day()
    found = [
        known
        for known in books.complex_of(account)
        if known.terminal_at is None or _last_day(books, known) == today
    ]
    return wire.items(complex_json(exchange, known) for known in reversed(found))


@routes.get(r"/accounts/{account}/complex-orders/{id:\d+}")
@labelled("complex-reads")
async def read(request: web.Request) -> web.Response:
    """One complex order."""
    known = _known(request)
    if known is None:
        return _not_found(request)
    return wire.data(complex_json(services(request).exchange, known))


@routes.get("/accounts/{account}/complex-orders")
@labelled("complex-reads")
async def history(request: web.Request) -> web.Response:
    """All complex orders, newest first."""
    account, exchange = account_of(request), services(request).exchange
    found = reversed(exchange.books.complex_of(account))
    return wire.page([complex_json(exchange, known) for known in found], request.query, PAGE)


def _last_day(books: Books, known: ComplexOrder) -> date:
    return new_york_date(max(known.updated_at, *(books.orders[one].updated_at for one in known.members)))
