"""A broker that says on its sockets whatever a test makes it say, over real HTTP and WebSockets."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from senex.broker.session import BrokerAccess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

Say = tuple[Any, ...]
"""What to send, in order: text as it is, anything else as JSON."""


class LyingBroker:
    """Counts what it is told and answers as it was told to."""

    def __init__(
        self, *, feed: Callable[[int], Say] = lambda _: (), alerts: Say = (), trust: bool = True
    ) -> None:
        self.connections = 0
        self.heard: list[dict[str, Any]] = []
        self.longest = 0
        self.date: str | None = None
        self._feed, self._alerts, self._trust = feed, alerts, trust
        self.base = ""

    @property
    def access(self) -> BrokerAccess:
        return BrokerAccess(
            "simulated", "secret", "token", self.base, f"{self.base.replace('http', 'ws')}/alerts"
        )

    def count(self, kind: str) -> int:
        """How many messages of a type were heard."""
        return sum(message.get("type") == kind for message in self.heard)

    def routes(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/oauth/token", self._token)
        app.router.add_get("/api-quote-tokens", self._quote_token)
        app.router.add_get("/customers/me/accounts", self._accounts)
        app.router.add_get("/customers/me", self._customer)
        app.router.add_get("/dxlink", self._dxlink)
        app.router.add_get("/alerts", self._alert_stream)
        return app

    async def _token(self, _: web.Request) -> web.Response:
        return web.json_response({"access_token": "a", "expires_in": 900})

    async def _quote_token(self, _: web.Request) -> web.Response:
        url = f"{self.base.replace('http', 'ws')}/dxlink"
        return web.json_response({"data": {"token": "q", "dxlink-url": url, "level": "api"}})

    async def _accounts(self, _: web.Request) -> web.Response:
        account = {
            "account-number": "5SX1",
            "opened-at": "2020-01-01T00:00:00Z",
            "nickname": "n",
            "account-type-name": "Individual",
            "is-closed": False,
            "day-trader-status": False,
            "is-firm-error": False,
            "is-firm-proprietary": False,
            "is-futures-approved": False,
            "margin-or-cash": "Margin",
            "is-foreign": False,
            "created-at": "2020-01-01T00:00:00Z",
        }
        return web.json_response({"data": {"items": [{"account": account}]}})

    async def _customer(self, _: web.Request) -> web.Response:
        headers = {} if self.date is None else {"Date": self.date}
        return web.json_response({"data": {}}, headers=headers)

    async def _dxlink(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        self.connections += 1
        number = self.connections
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            self.longest = max(self.longest, len(message.data))
            told = json.loads(message.data)
            self.heard.append(told)
            for answer in self._answers(told, number):
                await socket.send_str(answer if isinstance(answer, str) else json.dumps(answer))
        return socket

    def _answers(self, told: dict[str, Any], number: int) -> Say:
        match told["type"]:
            case "SETUP":
                return ({"type": "SETUP", "channel": 0}, {"type": "AUTH_STATE", "state": "UNAUTHORIZED"})
            case "AUTH":
                return ({"type": "AUTH_STATE", "state": "AUTHORIZED" if self._trust else "UNAUTHORIZED"},)
            case "CHANNEL_REQUEST":
                return ({"type": "CHANNEL_OPENED", "channel": told["channel"]},)
            case "FEED_SUBSCRIPTION":
                return self._feed(number)
        return ()

    async def _alert_stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            told = json.loads(message.data)
            await socket.send_json({"status": "ok", "request-id": told["request-id"]})
            for text in self._alerts:
                await socket.send_str(text)
        return socket


@asynccontextmanager
async def lying(broker: LyingBroker) -> AsyncIterator[LyingBroker]:
    """Serve on a free port within the block."""
    runner = web.AppRunner(broker.routes(), shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        broker.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield broker
    finally:
        await asyncio.shield(runner.cleanup())
