"""The other environment's time: a simulator's own clock where it has one, else the wall's."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Never

_AGAIN = 0.5
_WALL_EVERY = 1.0


@dataclass(frozen=True, slots=True)
class Told:
    """What time it was there, how fast it goes, and when that was heard (monotonic)."""

    instant: datetime
    speed: float
    read: float
    lockstep: bool = False

    def now(self) -> datetime:
        """What time it is there."""
        return self.instant + timedelta(seconds=self.speed * (time.monotonic() - self.read))


class UpstreamClock:
    """Follows ``/clock`` of a simulator; of any other environment it is the wall's time."""

    def __init__(self, http: aiohttp.ClientSession, rest: str) -> None:
        self._http = http
        self._address = f"{rest.rstrip('/')}/clock"
        self.told = Told(_wall(), 1.0, time.monotonic())
        self.follows = False
        self.on_told: Callable[[], None] = lambda: None

    async def open(self) -> None:
        """Learn whether there is a clock to follow."""
        try:
            async with self._http.get(self._address, timeout=aiohttp.ClientTimeout(total=5)) as answer:
                self.follows = answer.status == 200 and self._take(await answer.json(content_type=None))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            self.follows = False

    def now(self) -> datetime:
        """The instant it is there."""
        return self.told.now()

    async def run(self, name: str = "", settle: Callable[[], Awaitable[None]] | None = None) -> Never:
        """Follow until cancelled; with a name, take part in lockstep: ``settle`` is awaited at each instant."""
        while not self.follows:  # a machine that slept has a monotonic clock that did not go on
            self.told = Told(_wall(), 1.0, time.monotonic())
            self.on_told()
            await asyncio.sleep(_WALL_EVERY)
        while True:
            try:
                async with self._http.ws_connect(self._address) as socket:
                    if settle is not None:
                        await socket.send_str(orjson.dumps({"join": name, "rank": 1}).decode())
                    async for message in socket:
                        if message.type is aiohttp.WSMsgType.TEXT:
                            await self._hear(socket, orjson.loads(message.data), settle)
            except (aiohttp.ClientError, OSError, ValueError):
                pass
            await asyncio.sleep(_AGAIN)

    async def _hear(
        self,
        socket: aiohttp.ClientWebSocketResponse,
        told: dict[str, Any],
        settle: Callable[[], Awaitable[None]] | None,
    ) -> None:
        if self._take(told):
            self.on_told()
        if "ask" in told:
            if told.get("rank") and settle is not None:
                await settle()
            await socket.send_str(orjson.dumps({"done": told["ask"], "worked": False}).decode())

    def _take(self, told: Any) -> bool:
        try:
            instant = datetime.fromisoformat(told["instant"]).astimezone(UTC)
            lockstep = bool(told.get("lockstep", {}).get("running"))
            self.told = Told(instant, float(told["speed"]), time.monotonic(), lockstep)
        except (ValueError, KeyError, TypeError):
            return False
        return True


def _wall() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  this is a clock
