"""The market clock on the wire: pushed over a WebSocket, read and set over HTTP on the same path."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from senex.simulator import wire
from senex.simulator.services import Services, labelled, services

if TYPE_CHECKING:
    from senex.simulator.exchange import Exchange

routes = web.RouteTableDef()
PUSH_SECONDS = 1.0
MAX_SPEED = 60.0


def state(exchange: Exchange, timeline: str) -> wire.Json:
    """The market's time now, and the session it is in or comes to next."""
    instant = exchange.now()
    session = exchange.market.sessions.upcoming(instant)
    return {
        "timeline": timeline,
        "instant": instant.isoformat(timespec="microseconds"),
        "speed": exchange.clock.speed,
        "sequence": exchange.board.tick,
        "session": {
            "date": session.day,
            "open": session.opens.isoformat(),
            "close": session.closes.isoformat(),
        },
    }


class ClockHub:
    """The clock's followers."""

    def __init__(self) -> None:
        self._sockets: set[web.WebSocketResponse] = set()

    async def publish(self, exchange: Exchange, timeline: str) -> None:
        """Tell every follower the state."""
        text = wire.dumps(state(exchange, timeline)).decode()
        for socket in list(self._sockets):
            if not socket.closed:
                try:
                    await socket.send_str(text)
                except ConnectionError:
                    self._sockets.discard(socket)

    async def follow(self, socket: web.WebSocketResponse, parts: Services) -> None:
        """Push to one follower until it leaves."""
        self._sockets.add(socket)
        pusher = asyncio.get_running_loop().create_task(_push(socket, parts))
        try:
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    break
        finally:
            self._sockets.discard(socket)
            pusher.cancel()
            await asyncio.gather(pusher, return_exceptions=True)

    async def close(self) -> None:
        """Close every connection."""
        for socket in list(self._sockets):
            await socket.close()


HUB = web.AppKey("clock", ClockHub)


async def _push(socket: web.WebSocketResponse, parts: Services) -> None:
    while not socket.closed:
        await socket.send_str(wire.dumps(state(parts.exchange, parts.timeline)).decode())
        await asyncio.sleep(PUSH_SECONDS)


@routes.get("/clock")
@labelled("clock")
async def clock(request: web.Request) -> web.StreamResponse:
    """The state once, or pushed when the client asks for a WebSocket."""
    parts = services(request)
    if request.headers.get("Upgrade", "").lower() != "websocket":
        return wire.reply(state(parts.exchange, parts.timeline))
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    await request.config_dict[HUB].follow(socket, parts)
    return socket


@routes.post("/clock")
@labelled("clock")
async def set_clock(request: web.Request) -> web.Response:
    """Set ``speed`` (0 pauses), or while paused process ``step`` ticks."""
    parts = services(request)
    body: dict[str, Any] = await request.json()
    try:
        speed = float(body["speed"]) if "speed" in body else None
        step = int(body.get("step", 0))
    except (TypeError, ValueError) as problem:
        return wire.error(400, "validation_error", f"Not a speed or step: {problem}")
    if speed is not None and not 0 <= speed <= MAX_SPEED:
        return wire.error(400, "validation_error", f"Speed is from 0 to {MAX_SPEED:g}")
    if speed is not None:
        parts.exchange.set_speed(speed)
    if step:
        if parts.exchange.clock.speed:
            return wire.error(409, "clock_is_running", "Pause the clock before stepping it")
        parts.exchange.step(step)
    await parts.publish_clock()
    return wire.reply(state(parts.exchange, parts.timeline))
