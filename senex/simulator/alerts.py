"""Account alerts: every client is told of every change of the accounts it connected."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from senex.simulator import wire
from senex.simulator.rendering import balance_json, position_json

if TYPE_CHECKING:
    from aiohttp import web

    from senex.simulator.exchange import Changed, Exchange
    from senex.simulator.tokens import Tokens


@dataclass(eq=False, slots=True)
class Client:
    """One connected client, the accounts it asked for, and what it is yet to be sent."""

    socket: web.WebSocketResponse
    transport: asyncio.Transport | None
    accounts: set[str] = field(default_factory=set)
    outbox: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)

    async def send(self) -> None:
        """Send what is queued, for as long as the client is there."""
        while True:
            await self.socket.send_str((await self.outbox.get()).decode())


class Alerts:
    """All alert clients. A slow client delays nobody else."""

    def __init__(self, exchange: Exchange, tokens: Tokens) -> None:
        self._exchange = exchange
        self._tokens = tokens
        self.clients: set[Client] = set()

    def changed(self, change: Changed) -> None:
        """Queue the alerts of an account's change, in the order of the changes."""
        account = change.account
        clients = [client for client in self.clients if account in client.accounts]
        if not clients:
            return
        messages = [] if change.order is None else [("Order", wire.order(change.order))]
        for symbol in change.moved:
            holding = self._exchange.books.holdings[account][symbol]
            messages.append(("CurrentPosition", position_json(self._exchange, account, holding, marks=False)))
        if change.moved or change.money:
            messages.append(("AccountBalance", balance_json(self._exchange, account)))
        stamp = int(self._exchange.now().timestamp() * 1000)
        for kind, body in messages:
            text = wire.dumps({"type": kind, "data": body, "timestamp": stamp})
            for client in clients:
                client.outbox.put_nowait(text)

    def answer(self, client: Client, body: wire.Json) -> None:
        """Queue the answer to a client's action; every action carries its own token."""
        action = body.get("action")
        status: wire.Json = {"status": "ok"}
        token = str(body.get("auth-token", "")).removeprefix("Bearer ")
        if not self._tokens.good("access", token):
            status = {"status": "error", "message": "failed: invalid token"}
        elif action == "connect":
            status = self._connect(client, body.get("value"))
        elif action != "heartbeat" and not client.accounts:
            status = {"status": "error", "message": "connect-not-completed"}
        client.outbox.put_nowait(
            wire.dumps(
                {
                    "action": action,
                    "request-id": body.get("request-id", 0),
                    "web-socket-session-id": f"{id(client):x}",
                    **status,
                }
            )
        )

    async def close(self) -> None:
        """Close every connection."""
        for client in list(self.clients):
            await client.socket.close()

    def abort(self) -> None:
        """Cut every connection without a goodbye."""
        for client in list(self.clients):
            if client.transport is not None:
                client.transport.abort()

    def _connect(self, client: Client, wanted: object) -> wire.Json:
        names = {str(name) for name in wanted} if isinstance(wanted, list) else set()
        unknown = names - set(self._exchange.books.accounts)
        if unknown:
            return {"status": "error", "message": f"unknown account {min(unknown)}"}
        client.accounts |= names
        return {"status": "ok", "value": sorted(names)}
