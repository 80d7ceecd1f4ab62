"""Controls that no broker has: the market's clock and faults on demand. They need no token."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aiohttp import web

from senex.simulator import wire
from senex.simulator.clockwire import MAX_SPEED
from senex.simulator.faults import Mode, Rule
from senex.simulator.services import labelled, services

routes = web.RouteTableDef()


@routes.post("/clock")
@labelled("clock")
async def set_clock(request: web.Request) -> web.Response:
    """Set ``speed`` (0 pauses); while paused ``step`` so many ticks, or jump ``to`` a later instant."""
    parts = services(request)
    body: dict[str, Any] = await request.json()
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
    """The rules that still apply."""
    return wire.reply(services(request).faults.listing())


@routes.delete("/faults")
@labelled("faults")
async def cleared(request: web.Request) -> web.Response:
    """Forget all rules."""
    parts = services(request)
    parts.faults.rules.clear()
    parts.exchange.units_per_tick = None
    return wire.reply(parts.faults.listing())


@routes.post("/faults")
@labelled("faults")
async def added(request: web.Request) -> web.Response:
    """Add a rule, or do one of the things that happen once.

    Once: ``{"endpoint": "alerts" | "dxlink", "mode": "close" | "abort"}`` ends the
    streams, ``{"endpoint": "token", "mode": "expire"}`` every access token, and
    ``{"endpoint": "fills", "mode": "partial", "count": n}`` fills n units a tick.
    """
    parts = services(request)
    body: dict[str, Any] = await request.json()
    endpoint, mode = str(body.get("endpoint", "*")), str(body.get("mode", ""))
    if endpoint in {"alerts", "dxlink"} and mode in {"close", "abort"}:
        streams = parts.alerts if endpoint == "alerts" else parts.feed
        if mode == "abort":
            streams.abort()
        else:
            await streams.close()
    elif (endpoint, mode) == ("token", "expire"):
        parts.tokens.epoch += 1
    elif (endpoint, mode) == ("fills", "partial"):
        parts.exchange.units_per_tick = int(body.get("count", 1)) or None
    else:
        parts.faults.rules.append(
            Rule(
                endpoint=endpoint,
                mode=Mode(mode),
                status=int(body.get("status", 503)),
                seconds=float(body.get("seconds", 1.0)),
                count=int(body.get("count", 1)),
            )
        )
    return wire.reply(parts.faults.listing())
