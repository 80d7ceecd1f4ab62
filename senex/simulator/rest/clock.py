"""The market's clock, which no broker has: told, pushed, and moved by whoever asks. It needs no token."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aiohttp import web

from senex.simulator import wire
from senex.simulator.clockwire import MAX_SPEED
from senex.simulator.market.sessions import TICK
from senex.simulator.services import labelled, services
from senex.simulator.sockets import beside, body_of, upgrades

if TYPE_CHECKING:
    from senex.simulator.services import Services

routes = web.RouteTableDef()
_LONGEST_GRID = 3600.0
_LONGEST = timedelta(days=400)
_EVENT_GRID = timedelta(minutes=1) // TICK


@routes.get("/clock")
@labelled("clock")
async def told(request: web.Request) -> web.StreamResponse:
    """The market's time once, or pushed when the client asks for a WebSocket."""
    hub = services(request).clock
    if not upgrades(request):
        return wire.reply(hub.state())
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    async with beside(hub.push(socket)):
        async for message in socket:
            hub.hear(socket, body_of(message))
    return socket


@routes.post("/clock")
@labelled("clock")
async def set_clock(request: web.Request) -> web.Response:
    """Set ``speed`` (0 pauses) or ``grid``; while paused ``step``, ``advance``, jump ``to``, or go in ``lockstep``."""
    parts = services(request)
    body = await wire.body_of(request)
    if not parts.movable:
        return wire.error(409, "clock_is_followed", "This market's time is its upstream's; it cannot be set")
    if "speed" in body or body.get("lockstep") is False:
        await parts.lockstep.stop()
    if "speed" in body:
        parts.exchange.set_speed(_between(body["speed"], 0, MAX_SPEED, "Speed"))
    if "grid" in body:
        _set_grid(parts, body["grid"])
    if "wait_for" in body:
        parts.lockstep.required = _names(body["wait_for"])
    refusal = await _move(parts, body)
    parts.moved()
    return refusal or wire.reply(parts.clock.state())


async def _move(parts: Services, body: dict[str, Any]) -> web.Response | None:
    """Move the paused clock as asked; the answer to who may not."""
    exchange, lockstep = parts.exchange, parts.lockstep
    if not body.get("step") and not body.get("lockstep") and not {"to", "advance"} & body.keys():
        return None
    if exchange.clock.speed:
        return wire.error(409, "clock_is_running", "Pause the clock before moving it")
    if lockstep.running:
        return wire.error(409, "clock_is_in_lockstep", "Stop the lockstep before moving the clock")
    if body.get("lockstep"):
        lockstep.start(_instant(parts, body["until"]) if "until" in body else None)
    elif "advance" in body:
        seconds = _between(body["advance"], 0, _LONGEST.total_seconds(), "Advance")
        turns = lockstep.start(_reachable(parts, exchange.now() + timedelta(seconds=seconds)))
        await asyncio.gather(turns, return_exceptions=True)
        if turns.cancelled():
            return wire.error(409, "clock_was_stopped", "The clock was stopped on the way")
        turns.result()
    elif "to" in body:
        exchange.jump(_instant(parts, body["to"]))
    ticks = int(_between(body.get("step", 0), 0, _LONGEST / TICK, "Step"))
    _reachable(parts, exchange.now() + ticks * TICK)
    exchange.step(ticks)
    return None


def _instant(parts: Services, wanted: object) -> datetime:
    """An instant, or the next session's open; without an offset it is UTC."""
    now = parts.exchange.now()
    if wanted == "next-session":
        sessions = parts.exchange.market.sessions
        session = sessions.upcoming(now)
        return session.opens if session.opens > now else sessions.upcoming(session.closes).opens
    instant = datetime.fromisoformat(str(wanted))
    instant = instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
    if instant - now > _LONGEST:
        raise ValueError(f"{instant.isoformat()} is more than {_LONGEST.days} days ahead")
    return _reachable(parts, instant)


def _reachable(parts: Services, instant: datetime) -> datetime:
    """An instant before this market's end, where its calendar is known."""
    end = parts.exchange.market.sessions.end
    if instant > end:
        raise ValueError(f"This market ends at {end.isoformat()}; start another one later")
    return instant


def _names(told: object) -> frozenset[str]:
    if not isinstance(told, list):
        raise ValueError("wait_for is a list of names")  # noqa: TRY004  answered as a refusal like the others
    return frozenset(str(name) for name in told)


def _set_grid(parts: Services, wanted: object) -> None:
    if wanted == "event":
        parts.exchange.set_grid(_EVENT_GRID, by_event=True)
        return
    seconds = _between(wanted, TICK.total_seconds(), _LONGEST_GRID, "Grid")
    parts.exchange.set_grid(max(1, round(seconds / TICK.total_seconds())), by_event=False)


def _between(told: object, low: float, high: float, what: str) -> float:
    number = float(str(told))
    if not low <= number <= high:
        raise ValueError(f"{what} is from {low:g} to {high:g}")
    return number
