"""Controls that no broker has: the market's clock and faults on demand. They need no token."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aiohttp import web

from senex.simulator import wire
from senex.simulator.clockwire import MAX_SPEED
from senex.simulator.faults import catalogue
from senex.simulator.provoked import provoke
from senex.simulator.services import labelled, services

routes = web.RouteTableDef()


@routes.post("/clock")
@labelled("clock")
async def set_clock(request: web.Request) -> web.Response:
    """Set ``speed`` (0 pauses); while paused ``step`` so many ticks, or jump ``to`` a later instant."""
    parts = services(request)
    body = await _object(request)
    speed, step = body.get("speed"), int(body.get("step", 0))
    if speed is not None:
        if not 0 <= float(speed) <= MAX_SPEED:
            return wire.error(400, "validation_error", f"Speed is from 0 to {MAX_SPEED:g}")
        parts.exchange.set_speed(float(speed))
    if step or "to" in body:
        if parts.exchange.clock.speed:
            return wire.error(409, "clock_is_running", "Pause the clock before moving it")
        if "to" in body:
            parts.exchange.jump(datetime.fromisoformat(str(body["to"])))
        parts.exchange.step(step)
    parts.moved()
    return wire.reply(parts.clock.state())


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
    faults.add(await _object(request))
    return wire.reply(faults.listing())


@routes.post("/alerts")
@labelled("faults")
async def alerted(request: web.Request) -> web.Response:
    """Give cause for an alert that no client of the broker's API can cause."""
    parts = services(request)
    body = await _object(request)
    provoke(parts.exchange, parts.alerts, body)
    return wire.reply({"sent": body.get("type")})


async def _object(request: web.Request) -> dict[str, Any]:
    body = await request.json()
    if not isinstance(body, dict):
        raise ValueError("The body is no JSON object")  # noqa: TRY004  answered as a refusal like the others
    return body
