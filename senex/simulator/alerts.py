"""Account alerts: one WebSocket per client, told of every change of the accounts it connected."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import WSMsgType, web

from senex.simulator import wire
from senex.simulator.rest.accounts import balance_json, position_json
from senex.simulator.services import labelled, services

if TYPE_CHECKING:
    from senex.simulator.exchange import Changed, Exchange

routes = web.RouteTableDef()


@dataclass(eq=False, slots=True)
class Client:
    """One connected client and the accounts it asked for."""

    socket: web.WebSocketResponse
    accounts: set[str] = field(default_factory=set)


class Alerts:
    """All alert clients. Messages go out in the order of the changes."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._outbox: list[tuple[str, bytes]] = []
        self.clients: set[Client] = set()

    def changed(self, change: Changed) -> None:
        """Queue the alerts of an order's change; :meth:`flush` sends them."""
        account = change.order.account
        self._queue(account, "Order", wire.order(change.order))
        for symbol in change.filled:
            holding = self._exchange.books.holdings[account][symbol]
            body = position_json(self._exchange, account, holding, marks=False)
            self._queue(account, "CurrentPosition", body)
        if change.filled:
            self._queue(account, "AccountBalance", balance_json(self._exchange, account))

    async def flush(self) -> None:
        """Send what is queued."""
        outbox, self._outbox = self._outbox, []
        for account, text in outbox:
            for client in list(self.clients):
                if account in client.accounts and not client.socket.closed:
                    await _send(client, text)

    async def close(self) -> None:
        """Close every connection."""
        for client in list(self.clients):
            await client.socket.close()

    def abort(self) -> None:
        """Cut every connection without a goodbye."""
        for client in list(self.clients):
            transport = client.socket.get_extra_info("transport")
            if transport is not None:
                transport.abort()

    def _queue(self, account: str, kind: str, body: wire.Json) -> None:
        stamp = int(self._exchange.now().timestamp() * 1000)
        self._outbox.append((account, wire.dumps({"type": kind, "data": body, "timestamp": stamp})))


async def _send(client: Client, text: bytes) -> None:
    try:
        await client.socket.send_str(text.decode())
    except ConnectionError:
        client.accounts.clear()


@routes.get("/alerts")
@labelled("alerts")
async def alerts(request: web.Request) -> web.StreamResponse:
    """The alert stream; every action carries its own token."""
    parts = services(request)
    socket = web.WebSocketResponse(autoping=True, compress=False)
    await socket.prepare(request)
    client = Client(socket)
    parts.alerts.clients.add(client)
    try:
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await socket.send_str(wire.dumps(_answer(request, client, message.json())).decode())
    finally:
        parts.alerts.clients.discard(client)
    return socket


def _answer(request: web.Request, client: Client, body: dict[str, object]) -> wire.Json:
    parts = services(request)
    action = body.get("action")
    answer: wire.Json = {
        "action": action,
        "request-id": body.get("request-id", 0),
        "web-socket-session-id": f"{id(client):x}",
    }
    token = str(body.get("auth-token", "")).removeprefix("Bearer ")
    if not parts.tokens.good("access", token):
        return answer | {"status": "error", "message": "failed: invalid token"}
    if action == "connect":
        wanted = body.get("value")
        names = {str(name) for name in wanted} if isinstance(wanted, list) else set()
        unknown = names - set(parts.exchange.books.accounts)
        if unknown:
            return answer | {"status": "error", "message": f"unknown account {min(unknown)}"}
        client.accounts |= names
        return answer | {"status": "ok", "value": sorted(names)}
    if action == "heartbeat":
        return answer | {"status": "ok", "value": ""}
    if not client.accounts:
        return answer | {"status": "error", "message": "connect-not-completed"}
    return answer | {"status": "ok"}
