"""The hourly sweep, inside the process in which subscriptions live: nothing is streamed that nobody wants.

What is wanted follows books and leases all the time; the sweep looks for what slipped through:
leases that never lapse, and rows of the cache that belong to nothing streamed.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from senex.bus.leases import forget_endless
from senex.domain.errors import Unavailable
from senex.store.direct import connect
from senex.store.outbox import INSIDE, wakes

if TYPE_CHECKING:
    from typing import Never

    from redis.asyncio import Redis

    from daemon.streaming.wishes import Wishes
    from senex.bus.publisher import QuoteWriter
    from senex.store.streaming import StreamStore

_log = logging.getLogger(__name__)
_DEAF_SECONDS = 1.0


class Sweeper:
    """Does the outbox's work for this process as soon as it is committed; after an outage, what waited."""

    def __init__(
        self, *, store: StreamStore, redis: Redis, wishes: Wishes, writer: QuoteWriter, direct_url: str
    ) -> None:
        self._store, self._redis = store, redis
        self._wishes, self._writer = wishes, writer
        self._direct_url = direct_url

    async def run(self) -> Never:
        """Listen until cancelled."""
        while True:
            with suppress(Unavailable):
                async with (
                    await connect(self._direct_url, name="streamer listen") as ears,
                    aclosing(wakes(ears)) as notices,
                ):
                    async for told in notices:
                        if told.may_be(INSIDE):
                            await self.work()
            await asyncio.sleep(_DEAF_SECONDS)

    async def work(self) -> None:
        """Sweep if that is asked for. Raises Unavailable; it is then asked for still."""
        rows = await self._store.inside()
        if not rows:
            return
        leases = await forget_endless(self._redis)
        await self._wishes.follow(books=True)
        symbols = await self._writer.forget(self._wishes.chosen())
        await self._store.done(rows)
        _log.info("swept: %s endless leases, %s symbols nobody wants", leases, symbols)
