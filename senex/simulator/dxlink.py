"""DXLink: the protocol of the market data streams, as one client sees it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType

from senex.simulator import wire
from senex.simulator.channel import Channel

if TYPE_CHECKING:
    from aiohttp import web

    from senex.simulator.feed import Feed
    from senex.simulator.tokens import Tokens

KEEPALIVE_SECONDS = 60.0
_SHORTEST_KEEPALIVE = 0.05
_MAX_CHANNELS = 256


@dataclass(eq=False, slots=True)
class Connection:
    """One streaming client. Timeouts run in machine time."""

    socket: web.WebSocketResponse
    feed_hub: Feed
    tokens: Tokens
    transport: asyncio.Transport | None
    authorized: bool = False
    timeout: float = KEEPALIVE_SECONDS
    channels: dict[int, Channel] = field(default_factory=dict)
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    async def say(self, **message: object) -> None:
        """Send a message; while the stream is frozen it waits."""
        await self.send(wire.dumps(message))

    async def send(self, text: bytes) -> None:
        """Send a text frame; while the stream is frozen it waits."""
        await self.feed_hub.faults.dxlink.open_gate()
        await self.socket.send_frame(text, WSMsgType.TEXT)

    async def feed(self, kind: str, frame: bytes) -> None:
        """Send a FEED_DATA frame, spoilt where a fault asks for it."""
        for text in self.feed_hub.faults.dxlink.spoil(kind, frame):
            await self.send(text)

    async def watch(self) -> None:
        """Send keepalives, and end a client that was silent for its timeout."""
        while True:
            self.heard.clear()
            try:
                async with asyncio.timeout(self.timeout):
                    await self._keep_alive()
            except TimeoutError:
                await self._fail("TIMEOUT", "No message within the keepalive timeout")
                return

    async def _keep_alive(self) -> None:
        """Until the client is heard; a client that is told nothing is told that this side lives."""
        while not self.heard.is_set():
            try:
                async with asyncio.timeout(self.timeout / 2):
                    await self.heard.wait()
            except TimeoutError:
                await self.say(type="KEEPALIVE", channel=0)

    async def handle(self, message: dict[str, Any]) -> None:
        """Answer one message of the client."""
        self.heard.set()
        kind = message.get("type")
        number = message.get("channel", 0)
        if not isinstance(number, int):
            await self._fail("INVALID_MESSAGE", "A channel is a whole number")
        elif kind == "SETUP":
            await self._setup(message)
        elif kind == "KEEPALIVE":
            await self.say(type="KEEPALIVE", channel=0)
        elif kind == "AUTH":
            await self._authorize(str(message.get("token", "")))
        elif not self.authorized:
            await self._fail("UNAUTHORIZED", "Authorize first")
        else:
            await self._serve(str(kind), number, message)

    async def close(self) -> None:
        """Stop every channel."""
        for channel in self.channels.values():
            await channel.stop()
        self.channels.clear()

    async def _setup(self, message: dict[str, Any]) -> None:
        try:
            asked = float(message.get("keepaliveTimeout") or KEEPALIVE_SECONDS)
        except (TypeError, ValueError):
            asked = KEEPALIVE_SECONDS
        self.timeout = max(_SHORTEST_KEEPALIVE, min(asked, 10 * KEEPALIVE_SECONDS))
        await self.say(
            type="SETUP",
            channel=0,
            version="1.0-senex",
            keepaliveTimeout=self.timeout,
            acceptKeepaliveTimeout=self.timeout,
        )
        if not self.authorized:
            await self.say(type="AUTH_STATE", channel=0, state="UNAUTHORIZED")

    async def _authorize(self, token: str) -> None:
        if self.authorized:
            return
        if not self.tokens.good("quote", token):
            await self._fail("UNAUTHORIZED", "The quote token is invalid or has expired")
            return
        self.authorized = True
        await self.say(type="AUTH_STATE", channel=0, state="AUTHORIZED", userId="simulator")

    async def _serve(self, kind: str, number: int, message: dict[str, Any]) -> None:
        channel = self.channels.get(number)
        if kind == "CHANNEL_REQUEST":
            await self._open(number, message)
        elif channel is None:
            await self._refuse(number, "BAD_ACTION", f"Channel {number} is not open")
        elif kind == "FEED_SETUP":
            try:
                configured = channel.configure(message)
            except (AttributeError, TypeError, ValueError):
                await self._refuse(number, "INVALID_MESSAGE", "This FEED_SETUP cannot be read")
                return
            await self.say(**configured)
        elif kind == "FEED_SUBSCRIPTION":
            try:
                channel.subscribe(message)
            except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
                await self._refuse(number, "INVALID_MESSAGE", "This FEED_SUBSCRIPTION cannot be read")
        elif kind == "CHANNEL_CANCEL":
            await self.channels.pop(number).stop()
            await self.say(type="CHANNEL_CLOSED", channel=number)
        else:
            await self._refuse(number, "UNSUPPORTED_MESSAGE", f"{kind} is not known")

    async def _open(self, number: int, message: dict[str, Any]) -> None:
        if message.get("service") != "FEED":
            await self._refuse(number, "BAD_ACTION", "The only service is FEED")
            return
        if number <= 0 or len(self.channels) >= _MAX_CHANNELS:
            await self._refuse(number, "BAD_ACTION", f"Channel {number} cannot be opened")
            return
        if number not in self.channels:
            channel = self.channels[number] = Channel(number, self.feed_hub, self.feed)
            channel.start()
        await self.say(
            type="CHANNEL_OPENED",
            channel=number,
            service="FEED",
            parameters={"contract": "AUTO", "subFormat": "LIST"},
        )

    async def _refuse(self, number: int, error: str, text: str) -> None:
        """An error of one channel; the connection lives."""
        await self.say(type="ERROR", channel=number, error=error, message=text)

    async def _fail(self, error: str, text: str) -> None:
        """An error of the connection, and its end."""
        await self.say(type="ERROR", channel=0, error=error, message=text)
        await self.socket.close()
