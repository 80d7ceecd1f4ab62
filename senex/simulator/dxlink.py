"""DXLink: market data streams over a WebSocket, one feed channel per event type."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from senex.simulator import wire
from senex.simulator.events import COLUMNS, EVERY, ROWS, Row, candle_rows, candle_symbol
from senex.simulator.market.listing import contract_of_streamer
from senex.simulator.market.profiles import PROFILES

if TYPE_CHECKING:
    from aiohttp import web

    from senex.simulator.exchange import Exchange
    from senex.simulator.tokens import Tokens

ROWS_PER_FRAME = 200
"""Keeps a frame well under the 65,536 bytes at which clients give up."""
_PERIOD = 0.1


@dataclass(slots=True)
class Subscription:
    """What a channel sends for one symbol."""

    symbol: str
    since: int | None = None
    sequence: int = -(1 << 62)
    tick: int = -(1 << 62)
    fresh: bool = True


@dataclass(eq=False, slots=True)
class Channel:
    """One feed channel: an event type's subscriptions of one client."""

    number: int
    socket: web.WebSocketResponse
    exchange: Exchange
    kind: str = ""
    period: float = _PERIOD
    order: tuple[int, ...] = ()
    wanted: dict[str, Subscription] = field(default_factory=dict)
    dirty: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    def configure(self, message: dict[str, Any]) -> wire.Json:
        """Apply FEED_SETUP and say what will be sent."""
        self.period = float(message.get("acceptAggregationPeriod", _PERIOD))
        fields: dict[str, list[str]] = message.get("acceptEventFields") or {}
        for kind, names in fields.items():
            self._set_kind(kind)
            if kind in COLUMNS:
                self.order = tuple(COLUMNS[kind].index(name) for name in names if name in COLUMNS[kind])
        return {
            "type": "FEED_CONFIG",
            "channel": self.number,
            "aggregationPeriod": self.period,
            "dataFormat": "COMPACT",
            "eventFields": {kind: list(names) for kind, names in fields.items()},
        }

    def subscribe(self, message: dict[str, Any]) -> None:
        """Apply FEED_SUBSCRIPTION."""
        if message.get("reset"):
            self.drop(list(self.wanted))
        self.drop([str(one["symbol"]) for one in message.get("remove") or ()])
        for one in message.get("add") or ():
            self._set_kind(str(one["type"]))
            self._add(str(one["symbol"]), one.get("fromTime"))
        self.dirty.set()

    def drop(self, names: list[str]) -> None:
        """Forget subscriptions."""
        for name in names:
            gone = self.wanted.pop(name, None)
            if gone is not None:
                self.exchange.board.unwatch([gone.symbol])

    def start(self) -> None:
        """Begin to send."""
        self.task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """End, and forget all subscriptions."""
        self.drop(list(self.wanted))
        if self.task is not None:
            self.task.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await self.task

    def _set_kind(self, kind: str) -> None:
        if not self.kind:
            self.kind = kind
            self.order = tuple(range(len(COLUMNS.get(kind, ()))))

    def _add(self, name: str, since: int | None) -> None:
        if name in self.wanted:
            self.wanted[name].fresh = True
            self.wanted[name].since = since
            return
        symbol = _symbol(name, self.kind, self.exchange)
        if symbol is not None:
            self.wanted[name] = Subscription(symbol, since)
            self.exchange.board.watch([symbol])

    async def _run(self) -> None:
        while True:
            await self.dirty.wait()
            self.dirty.clear()
            rows = self._due()
            for start in range(0, len(rows), ROWS_PER_FRAME):
                flat = [row[column] for row in rows[start : start + ROWS_PER_FRAME] for column in self.order]
                message = {"type": "FEED_DATA", "channel": self.number, "data": [self.kind, flat]}
                await self.socket.send_str(wire.dumps(message).decode())
            await asyncio.sleep(self.period)

    def _due(self) -> list[Row]:
        tick, rows = self.exchange.board.tick, []
        every = EVERY.get(self.kind, 0)
        for name, one in list(self.wanted.items()):
            if not one.fresh and (every == 0 or tick - one.tick < every):
                continue
            rows.extend(self._rows(name, one))
            one.fresh = False
            one.tick = tick
        return rows

    def _rows(self, name: str, one: Subscription) -> list[Row]:
        if self.kind == "Candle":
            return candle_rows(self.exchange, name, since=(one.since or 0) if one.fresh else None)
        if self.kind not in ROWS:
            return []
        made = ROWS[self.kind](self.exchange, name, one.symbol)
        if made is None or (made[0] <= one.sequence and not one.fresh):
            return []
        one.sequence = made[0]
        return [made[1]]


def _symbol(name: str, kind: str, exchange: Exchange) -> str | None:
    """The symbol behind a streamer symbol; None when this market does not know it."""
    if kind == "Candle":
        parsed = candle_symbol(name)
        return None if parsed is None else parsed[0]
    if name in PROFILES:
        return name
    known = contract_of_streamer(name)
    if known is None:
        return None
    held = any(known.occ in holdings for holdings in exchange.books.holdings.values())
    return known.occ if held or exchange.market.listed(known.occ, exchange.board.tick) else None


@dataclass(eq=False, slots=True)
class Connection:
    """One streaming client."""

    socket: web.WebSocketResponse
    exchange: Exchange
    tokens: Tokens
    transport: asyncio.Transport | None
    authorized: bool = False
    channels: dict[int, Channel] = field(default_factory=dict)

    async def say(self, **message: object) -> None:
        """Send a message."""
        await self.socket.send_str(wire.dumps(message).decode())

    async def handle(self, message: dict[str, Any]) -> None:
        """Answer one message of the client."""
        kind, number = message.get("type"), int(message.get("channel", 0))
        if kind == "SETUP":
            await self.say(
                type="SETUP", channel=0, version="1.0-senex", keepaliveTimeout=60, acceptKeepaliveTimeout=60
            )
            await self.say(type="AUTH_STATE", channel=0, state="UNAUTHORIZED")
        elif kind == "KEEPALIVE":
            await self.say(type="KEEPALIVE", channel=0)
        elif kind == "AUTH":
            await self._authorize(str(message.get("token", "")))
        elif not self.authorized:
            await self._fail("UNAUTHORIZED", "Authorize first")
        else:
            await self._feed(str(kind), number, message)

    async def close(self) -> None:
        """Stop every channel."""
        for channel in self.channels.values():
            await channel.stop()
        self.channels.clear()

    async def _feed(self, kind: str, number: int, message: dict[str, Any]) -> None:
        if kind == "CHANNEL_REQUEST":
            if number not in self.channels:
                channel = self.channels[number] = Channel(number, self.socket, self.exchange)
                channel.start()
            await self.say(
                type="CHANNEL_OPENED",
                channel=number,
                service="FEED",
                parameters={"contract": "AUTO", "subFormat": "LIST"},
            )
        elif number not in self.channels:
            await self._fail("INVALID_MESSAGE", f"Channel {number} is not open")
        elif kind == "FEED_SETUP":
            await self.say(**self.channels[number].configure(message))
        elif kind == "FEED_SUBSCRIPTION":
            self.channels[number].subscribe(message)
        elif kind == "CHANNEL_CANCEL":
            await self.channels.pop(number).stop()
            await self.say(type="CHANNEL_CLOSED", channel=number)

    async def _authorize(self, token: str) -> None:
        if not self.tokens.good("quote", token):
            await self._fail("UNAUTHORIZED", "The quote token is invalid or has expired")
            return
        self.authorized = True
        await self.say(type="AUTH_STATE", channel=0, state="AUTHORIZED", userId="simulator")

    async def _fail(self, error: str, text: str) -> None:
        await self.say(type="ERROR", channel=0, error=error, message=text)
        await self.socket.close()


class Feed:
    """All streaming clients."""

    def __init__(self) -> None:
        self.connections: set[Connection] = set()

    def tick(self) -> None:
        """A tick was processed: channels send what changed."""
        for connection in self.connections:
            for channel in connection.channels.values():
                channel.dirty.set()

    async def close(self) -> None:
        """Close every connection."""
        for connection in list(self.connections):
            await connection.socket.close()

    def abort(self) -> None:
        """Cut every connection without a goodbye."""
        for connection in list(self.connections):
            if connection.transport is not None:
                connection.transport.abort()
