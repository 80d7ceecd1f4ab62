"""A DXLink client: the rows of whatever is wanted, over connections that are made again."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

import aiohttp
import orjson

from senex.domain.errors import Unavailable
from senex.simulator.columns import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Never

    from senex.simulator.columns import Row
    from senex.simulator.mirror.upstream import Upstream

_log = logging.getLogger(__name__)

Wish = tuple[str, str]
"""An event type and a streamer symbol."""
PERIOD = 0.25
"""Seconds of aggregation asked for: one tick."""
SILENCE = 30.0
"""Seconds without any frame after which a connection is given up; keepalives are answered each 10 s."""
_KEEPALIVE_EVERY = 10.0
_CHUNK = 400
_FIRST_DELAY, _LONGEST_DELAY = 0.25, 15.0
_CHANNELS = {kind: 2 * number + 1 for number, kind in enumerate(sorted(COLUMNS))}
_KINDS = {number: kind for kind, number in _CHANNELS.items()}


class Taker(Protocol):
    """Who takes what comes."""

    def begin(self) -> None:
        """A new connection: nothing that came before is live."""
        ...

    def take(self, kind: str, rows: list[Row]) -> None:
        """Rows of one type, in the standard column order."""
        ...

    def lost(self) -> None:
        """The connection is gone."""
        ...


class Link:
    """Keeps one connection to a feed, with whatever is wanted on it."""

    def __init__(self, upstream: Upstream, taker: Taker) -> None:
        self._upstream = upstream
        self._taker = taker
        self._wanted: dict[Wish, int | None] = {}
        self._told: set[Wish] = set()
        self._opened: set[str] = set()
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._columns: dict[str, tuple[str, ...]] = {}
        self._asked = self._answered = 0
        self._news = asyncio.Condition()
        self._wishes = asyncio.Event()
        self.heard = 0.0
        self.connected = False
        self.problem = "not connected yet"

    def want(self, wishes: Iterable[Wish], *, since: int | None = None) -> None:
        """Stream these too; ``since`` (ms) is where candles begin."""
        for wish in wishes:
            if wish not in self._wanted:
                self._wanted[wish] = since
                self._wishes.set()

    def want_one(self, kind: str, name: str, since: int | None) -> None:
        """Stream this too."""
        self.want([(kind, name)], since=since)

    @property
    def silence(self) -> float:
        """Seconds since the last frame of any kind."""
        return monotonic() - self.heard

    async def run(self) -> Never:
        """Stay connected until cancelled."""
        delay = _FIRST_DELAY
        while True:
            try:
                await self._once()
            except (aiohttp.ClientError, Unavailable, TimeoutError, OSError, ValueError) as problem:
                self.problem = str(problem) or type(problem).__name__
                _log.warning("the feed of %s: %s", self._upstream.rest, self.problem)
            if self.connected:
                self.connected, delay = False, _FIRST_DELAY
                self._taker.lost()
            async with self._news:
                self._news.notify_all()
            await asyncio.sleep(delay)
            delay = min(2 * delay, _LONGEST_DELAY)

    async def caught_up(self) -> None:
        """Return once what is wanted is subscribed and all that was sent before this call has been taken."""
        while self.connected and self._wishes.is_set():
            async with self._news:
                with suppress(TimeoutError):
                    async with asyncio.timeout(1):
                        await self._news.wait()
        if self._socket is None or not self.connected:
            return
        await self._keep_alive(self._socket)
        expected = self._asked
        async with self._news:
            await self._news.wait_for(lambda: self._answered >= expected or not self.connected)

    async def _once(self) -> None:
        url, token = await self._upstream.feed()
        silence = aiohttp.ClientWSTimeout(ws_receive=SILENCE, ws_close=1.0)
        async with self._upstream.http.ws_connect(url, max_msg_size=0, timeout=silence) as socket:
            self._socket, self._asked, self._answered = socket, 0, 0
            self._told.clear()
            self._opened.clear()
            work: list[asyncio.Task[None]] = []
            try:
                await self._say(
                    socket, type="SETUP", channel=0, version="1.0-senex", keepaliveTimeout=60,
                    acceptKeepaliveTimeout=60,
                )  # fmt: skip
                async for message in socket:
                    self.heard = monotonic()
                    if message.type is aiohttp.WSMsgType.TEXT and await self._take(socket, token, message):
                        work = [asyncio.create_task(self._subscribe(socket))]
                        work.append(asyncio.create_task(self._beat(socket)))
            finally:
                self._socket = None
                for task in work:
                    task.cancel()
                await asyncio.gather(*work, return_exceptions=True)

    async def _take(
        self, socket: aiohttp.ClientWebSocketResponse, token: str, message: aiohttp.WSMessage
    ) -> bool:
        """Take one message; whether it let us in."""
        body = orjson.loads(message.data)
        kind = body.get("type")
        if kind == "FEED_DATA":
            self._rows(body.get("data") or [])
        elif kind == "AUTH_STATE" and body.get("state") == "AUTHORIZED":
            self.connected, self.problem = True, ""
            self._wishes.set()
            self._taker.begin()
            return True
        elif kind == "AUTH_STATE":
            await self._say(socket, type="AUTH", channel=0, token=token)
        elif kind == "FEED_CONFIG":
            self._columns |= {
                name: tuple(columns) for name, columns in (body.get("eventFields") or {}).items()
            }
        elif kind == "KEEPALIVE":
            async with self._news:
                self._answered += 1
                self._news.notify_all()
        elif kind == "ERROR":
            raise ValueError(f"{body.get('error')}: {body.get('message')}")
        return False

    def _rows(self, data: list[Any]) -> None:
        for kind, flat in zip(data[::2], data[1::2], strict=False):
            standard = COLUMNS.get(kind)
            columns = self._columns.get(kind, standard)
            if standard is None or columns is None or len(flat) % len(columns):
                continue
            width = len(columns)
            rows = [tuple(flat[start : start + width]) for start in range(0, len(flat), width)]
            if columns != standard:
                named = (dict(zip(columns, row, strict=True)) for row in rows)
                rows = [tuple(one.get(name) for name in standard) for one in named]
            self._taker.take(kind, rows)

    async def _subscribe(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            await self._wishes.wait()
            self._wishes.clear()
            new: dict[str, list[dict[str, object]]] = {}
            for wish in [wish for wish in self._wanted if wish not in self._told]:
                since = self._wanted[wish]
                one: dict[str, object] = {"type": wish[0], "symbol": wish[1]}
                new.setdefault(wish[0], []).append(one if since is None else {**one, "fromTime": since})
                self._told.add(wish)
            for kind, adds in new.items():
                if kind not in self._opened:
                    await self._open(socket, kind)
                for start in range(0, len(adds), _CHUNK):
                    part = adds[start : start + _CHUNK]
                    await self._say(socket, type="FEED_SUBSCRIPTION", channel=_CHANNELS[kind], add=part)
            async with self._news:
                self._news.notify_all()

    async def _open(self, socket: aiohttp.ClientWebSocketResponse, kind: str) -> None:
        self._opened.add(kind)
        number = _CHANNELS[kind]
        parameters = {"contract": "AUTO"}
        await self._say(socket, type="CHANNEL_REQUEST", channel=number, service="FEED", parameters=parameters)
        await self._say(
            socket, type="FEED_SETUP", channel=number, acceptAggregationPeriod=PERIOD,
            acceptDataFormat="COMPACT", acceptEventFields={kind: list(COLUMNS[kind])},
        )  # fmt: skip

    async def _beat(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            await self._keep_alive(socket)
            await asyncio.sleep(_KEEPALIVE_EVERY)

    async def _keep_alive(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._asked += 1
        await self._say(socket, type="KEEPALIVE", channel=0)

    async def _say(self, socket: aiohttp.ClientWebSocketResponse, **message: object) -> None:
        with suppress(ConnectionError):
            await socket.send_str(orjson.dumps(message).decode())
