"""What the simulator does, on one page; no broker has it. It needs no token."""

from __future__ import annotations

from time import monotonic

from aiohttp import web

from senex.simulator import wire
from senex.simulator.services import labelled, services

routes = web.RouteTableDef()


@routes.get("/status")
@labelled("clock")
async def status(request: web.Request) -> web.Response:
    """Clock, accounts, clients, counts since the start and faults that are on."""
    parts = services(request)
    exchange = parts.exchange
    accounts = []
    for number in exchange.books.accounts:
        known = exchange.accountant.statement(number)
        holdings = exchange.books.holdings[number].values()
        accounts.append(
            {
                "account": number,
                "cash": known.cash,
                "net-liquidating-value": known.net_liquidation,
                "buying-power": known.buying_power,
                "positions": sum(1 for holding in holdings if holding.quantity),
                "working-orders": len(exchange.books.working_of(number)),
            }
        )
    orders = len(exchange.books.orders)
    return wire.reply(
        {
            "market": "simulated" if parts.mirror is None else type(parts.mirror).__name__.lower(),
            "clock": parts.clock.state(),
            "accounts": accounts,
            "clients": {
                "streams": len(parts.feed.connections),
                "alerts": len(parts.alerts.clients),
                "clock": parts.clock.followers,
            },
            "counts": {**parts.counts, "orders": orders, "ticks": exchange.board.tick},
            "seconds": monotonic(),
            "faults": parts.faults.listing().get("rules", []),
        }
    )
