"""The WebSockets: account alerts, DXLink, the market clock."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiohttp import WSMessage, WSMsgType, web

from senex.simulator import wire
from senex.simulator.alerts import Client
from senex.simulator.dxlink import Connection
from senex.simulator.services import labelled, services

if TYPE_CHECKING:
    from collections.abc import Coroutine

routes = web.RouteTableDef()


@routes.get("/alerts")
@labelled("alerts")
async def alerts(request: web.Request) -> web.StreamResponse:
    """The account alert stream."""
    hub = services(request).alerts
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    client = Client(socket, request.transport)
    hub.clients.add(client)
    try:
        async with _beside(client.send()):
            async for message in socket:
                hub.answer(client, _body(message))
    finally:
        hub.clients.discard(client)
    return socket


@routes.get("/dxlink")
@labelled("dxlink")
async def dxlink(request: web.Request) -> web.StreamResponse:
    """The market data stream; the client authorises inside it."""
    parts = services(request)
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    connection = Connection(socket, parts.exchange, parts.tokens, request.transport)
    parts.feed.connections.add(connection)
    try:
        async for message in socket:
            await connection.handle(_body(message))
    finally:
        parts.feed.connections.discard(connection)
        await connection.close()
    return socket


@routes.get("/clock")
@labelled("clock")
async def clock(request: web.Request) -> web.StreamResponse:
    """The market's time once, or pushed when the client asks for a WebSocket."""
    hub = services(request).clock
    if request.headers.get("Upgrade", "").lower() != "websocket":
        return wire.reply(hub.state())
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    async with _beside(hub.push(socket)):
        async for _ in socket:
            pass
    return socket


def _body(message: WSMessage) -> dict[str, Any]:
    """The JSON object of a message; anything else is empty, and answered as an unknown message."""
    if message.type is not WSMsgType.TEXT:
        return {}
    try:
        body = message.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


class _beside:  # noqa: N801  reads as a statement: async with _beside(work)
    """Run ``work`` while the block runs; a lost connection ends both."""

    def __init__(self, work: Coroutine[None, None, None]) -> None:
        self._work = work

    async def __aenter__(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._work)

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
