"""Controls that no broker has: faults and alerts on demand. They need no token."""

from __future__ import annotations

from aiohttp import web

from senex.simulator import wire
from senex.simulator.faults import catalogue
from senex.simulator.provoked import provoke
from senex.simulator.services import labelled, services

routes = web.RouteTableDef()


@routes.get("/faults")
@labelled("faults")
async def listed(request: web.Request) -> web.Response:
    """The rules that still apply, and with ``?known`` every fault there is."""
    faults = services(request).faults
    known = {"known": catalogue.listing(faults.endpoints())} if "known" in request.query else {}
    return wire.reply({**faults.listing(), **known})


@routes.delete("/faults")
@labelled("faults")
async def cleared(request: web.Request) -> web.Response:
    """Forget all rules."""
    faults = services(request).faults
    faults.clear()
    return wire.reply(faults.listing())


@routes.post("/faults")
@labelled("faults")
async def added(request: web.Request) -> web.Response:
    """Add a rule, or do one of the things that happen once."""
    faults = services(request).faults
    faults.add(await wire.body_of(request))
    return wire.reply(faults.listing())


@routes.post("/alerts")
@labelled("faults")
async def alerted(request: web.Request) -> web.Response:
    """Give cause for an alert that no client of the broker's API can cause."""
    parts = services(request)
    body = await wire.body_of(request)
    provoke(parts.exchange, parts.alerts, body)
    return wire.reply({"sent": body.get("type")})
