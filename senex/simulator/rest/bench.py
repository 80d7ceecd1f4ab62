"""A control of accounts that no broker has: positions from elsewhere. It needs no token."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from aiohttp import web

from senex.simulator import wire
from senex.simulator.books.clerk import Clerk
from senex.simulator.books.records import Lot
from senex.simulator.rendering import position_json
from senex.simulator.services import labelled, services

routes = web.RouteTableDef()


@routes.post("/bench/{account}/positions")
@labelled("bench")
async def transfer(request: web.Request) -> web.Response:
    """Transfer ``quantity`` (signed) of a ``symbol`` in that was opened at a ``price``; no cash moves."""
    exchange, number = services(request).exchange, request.match_info["account"]
    if number not in exchange.books.accounts:
        raise web.HTTPNotFound
    body: dict[str, Any] = await request.json()
    clerk = Clerk(exchange, number, exchange.day(), exchange.now())
    symbol = str(body.get("symbol"))
    clerk.transfer(symbol, Lot(int(_number(body, "quantity")), _number(body, "price")))
    return wire.data(
        position_json(exchange, number, exchange.books.holdings[number][symbol], marks=False), 201
    )


def _number(body: dict[str, Any], name: str) -> Decimal:
    try:
        return Decimal(str(body[name]))
    except (KeyError, InvalidOperation):
        raise wire.Invalid(name) from None
