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

    from senex.simulator.faults.streams import StreamFaults

routes = web.RouteTableDef()


@routes.get("/")
@routes.get("/alerts")
@labelled("alerts")
async def alerts(request: web.Request) -> web.StreamResponse:
    """The account alert stream. Pings are answered here, so that a frozen stream answers none."""
    if not _upgrades(request):
        raise web.HTTPNotFound
    parts = services(request)
    socket = web.WebSocketResponse(compress=False, autoping=False)
    await socket.prepare(request)
    client = Client(socket, request.transport)
    parts.alerts.clients.add(client)
    try:
        async with _beside(client.send(parts.faults)):
            async for message in socket:
                if not await _ponged(socket, message, parts.faults.alerts):
                    parts.alerts.answer(client, _body(message))
    finally:
        parts.alerts.clients.discard(client)
    return socket


@routes.get("/dxlink")
@labelled("dxlink")
async def dxlink(request: web.Request) -> web.StreamResponse:
    """The market data stream; the client authorises inside it."""
    parts = services(request)
    socket = web.WebSocketResponse(compress=False, autoping=False)
    await socket.prepare(request)
    connection = Connection(socket, parts.feed, parts.tokens, request.transport)
    parts.feed.connections.add(connection)
    try:
        async with _beside(connection.watch()):
            async for message in socket:
                if not await _ponged(socket, message, parts.faults.dxlink):
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
    if not _upgrades(request):
        return wire.reply(hub.state())
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    async with _beside(hub.push(socket)):
        async for _ in socket:
            pass
    return socket


def _upgrades(request: web.Request) -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket"


async def _ponged(socket: web.WebSocketResponse, message: WSMessage, faults: StreamFaults) -> bool:
    """Whether a message was a ping or pong; a ping is answered unless the stream is frozen."""
    if message.type is WSMsgType.PING and not faults.frozen:
        await socket.pong(message.data)
    return message.type in {WSMsgType.PING, WSMsgType.PONG}


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
