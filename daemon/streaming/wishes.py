"""What is streamed: what the books need, and what someone looks at."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from senex.bus.leases import read_leases
from senex.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Never

    from redis.asyncio import Redis

    from senex.ports.clock import Clock
    from senex.store.streaming import StreamStore

_log = logging.getLogger(__name__)

LEASES_EVERY = 0.2
BOOKS_EVERY = 1.0


class Wishes:
    """Follows Postgres and the leases; when either is away, its last word holds.

    ``budget`` is how many symbols there are at most; the books come first.
    """

    def __init__(
        self,
        *,
        store: StreamStore,
        redis: Redis,
        clock: Clock,
        budget: int,
        want: Callable[[frozenset[str]], None],
    ) -> None:
        self._store = store
        self._redis = redis
        self._clock = clock
        self._want = want
        self.budget = budget
        self._books: frozenset[str] = frozenset()
        self._leases: dict[str, frozenset[str]] = {}
        self.refused = 0

    async def run(self) -> Never:
        """Follow until cancelled."""
        looked = 0.0
        while True:
            books = time.monotonic() - looked >= BOOKS_EVERY
            if books:
                looked = time.monotonic()
            await self.follow(books=books)
            await asyncio.sleep(LEASES_EVERY)

    async def follow(self, *, books: bool) -> None:
        """Want what is wanted now, by the leases and, if asked to look, by the books."""
        with suppress(Unavailable):
            told = await read_leases(self._redis)
            # those known before keep their place, whatever they ask for now; the new ones come behind them
            kept = {holder: told[holder] for holder in self._leases if holder in told}
            self._leases = kept | {holder: told[holder] for holder in sorted(told.keys() - kept.keys())}
        if books:
            with suppress(Unavailable):
                self._books = await self._store.wanted(self._clock.now())
        self._want(self.chosen())

    def chosen(self) -> frozenset[str]:
        """The books' symbols and as many leases, whole, as the budget allows: the oldest lease first."""
        chosen, self.refused = set(self._books), 0
        for holder in self._leases:
            if len(chosen | self._leases[holder]) <= self.budget:
                chosen |= self._leases[holder]
            else:
                self.refused += 1
        return frozenset(chosen)
