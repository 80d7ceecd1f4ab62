"""Redis as a console uses it: follow the frames, lease symbols. It may do no more."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from senex.bus.connection import open_redis
from senex.bus.leases import Lease
from senex.bus.subscriber import Feed
from senex.domain.errors import SenexError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection

    from senex.bus.subscriber import BusEvent


class ConsoleBus:
    """One console on the bus. ``holder`` names its lease."""

    def __init__(self, url: str, holder: str) -> None:
        self._redis = open_redis(url)
        self._feed = Feed(url)
        self._lease = Lease(self._redis, holder)

    def events(self) -> AsyncGenerator[BusEvent, None]:
        """Joined, Lost, frames and hints, for ever."""
        return self._feed.events()

    async def lease(self, symbols: Collection[str]) -> None:
        """Ask the streamer for these symbols; it lapses by itself.

        Raises:
            Unavailable: ``E_REDIS_AWAY``.
        """
        await self._lease.keep(symbols)

    async def close(self) -> None:
        """Give the lease back where that is possible."""
        with suppress(SenexError):
            await self._lease.release()
        await self._redis.aclose()
