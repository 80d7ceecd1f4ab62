"""A control of accounts that no broker has: positions from elsewhere. It needs no token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from senex.simulator import wire
from senex.simulator.books.clerk import Clerk
from senex.simulator.books.records import Lot
from senex.simulator.rendering import position_json
from senex.simulator.services import labelled, services

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

routes = web.RouteTableDef()


@routes.post("/bench/{account}/positions")
@labelled("bench")
async def transfer(request: web.Request) -> web.Response:
    """Transfer ``quantity`` (signed) of a ``symbol`` in that was opened at a ``price``; no cash moves."""
    exchange, number = services(request).exchange, request.match_info["account"]
    if number not in exchange.books.accounts:
        raise web.HTTPNotFound
    body = await wire.body_of(request)
    clerk = Clerk(exchange, number, exchange.day(), exchange.now())
    symbol, quantity, price = str(body.get("symbol")), _number(body, "quantity"), _number(body, "price")
    if quantity != quantity.to_integral_value():
        raise wire.Invalid("quantity", "is no whole number")
    if price < 0:
        raise wire.Invalid("price", "is below 0")
    clerk.transfer(symbol, Lot(int(quantity), price))
    return wire.data(
        position_json(exchange, number, exchange.books.holdings[number][symbol], marks=False), 201
    )


def _number(body: Mapping[str, object], name: str) -> Decimal:
    try:
        return wire.number(body.get(name))
    except ValueError:
        raise wire.Invalid(name) from None
