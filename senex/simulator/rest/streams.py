"""The WebSockets: account alerts and DXLink."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import WSMessage, WSMsgType, web

from senex.simulator.alerts import Client
from senex.simulator.dxlink import Connection
from senex.simulator.services import labelled, services
from senex.simulator.sockets import beside, body_of, upgrades

if TYPE_CHECKING:
    from senex.simulator.faults.streams import StreamFaults

routes = web.RouteTableDef()


@routes.get("/")
@routes.get("/alerts")
@labelled("alerts")
async def alerts(request: web.Request) -> web.StreamResponse:
    """The account alert stream. Pings are answered here, so that a frozen stream answers none."""
    if not upgrades(request):
        raise web.HTTPNotFound
    parts = services(request)
    socket = web.WebSocketResponse(compress=False, autoping=False)
    await socket.prepare(request)
    client = Client(socket, request.transport)
    parts.alerts.clients.add(client)
    try:
        async with beside(client.send(parts.faults)):
            async for message in socket:
                if not await _ponged(socket, message, parts.faults.alerts):
                    parts.alerts.answer(client, body_of(message))
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
        async with beside(connection.watch()):
            async for message in socket:
                if not await _ponged(socket, message, parts.faults.dxlink):
                    await connection.handle(body_of(message))
    finally:
        parts.feed.connections.discard(connection)
        await connection.close()
    return socket


async def _ponged(socket: web.WebSocketResponse, message: WSMessage, faults: StreamFaults) -> bool:
    """Whether a message was a ping or pong; a ping is answered unless the stream is frozen."""
    if message.type is WSMsgType.PING and not faults.frozen:
        await socket.pong(message.data)
    return message.type in {WSMsgType.PING, WSMsgType.PONG}
