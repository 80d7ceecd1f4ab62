"""The relay: puts undone outbox rows on their queues.

It wakes by NOTIFY and every second. What it leases but cannot queue it gives back;
what is queued but never done it offers again once the lease has lapsed. It keeps
nothing in memory, so it may be killed at any moment, and a standby takes over when
Postgres frees the leader's lock. A lost Postgres ends it; the supervisor starts it
again.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import structlog
from redis.exceptions import RedisError

from daemon.queues import connect_queues, offer
from senex.store.direct import connect
from senex.store.heartbeats import keep_beating
from senex.store.locks import leader
from senex.store.outbox import HEARD, INSIDE, Outbox, wakes

if TYPE_CHECKING:
    from redis import Redis

    from senex.store.direct import AsyncConnection
    from senex.store.outbox import Offer

POLL_SECONDS = 1.0
_log = structlog.get_logger("senex.relay")


class Relay:
    """The leader's loop over one Postgres and one Redis."""

    def __init__(self, *, outbox: Outbox, redis: Redis) -> None:
        self._outbox = outbox
        self._redis = redis
        self.redis_away = False

    async def start(self) -> None:
        """Starting up is recovering: have the accounts reconciled. Raises Unavailable without Postgres."""
        await self._outbox.start()

    async def drain(self) -> int:
        """Offer every row that waits; answer how many were queued. Raises Unavailable without Postgres.

        While Redis is away nothing is leased, so that workers find by themselves what nobody can offer.
        """
        queued = 0
        if self.redis_away and not await asyncio.to_thread(self._answers):
            return queued
        while offers := await self._outbox.lease():
            left = await asyncio.to_thread(self._queue, offers)
            queued += len(offers) - len(left)
            if left:
                await self._outbox.give_back([one.id for one in left])
                break
        return queued

    def _answers(self) -> bool:
        try:
            self._redis.ping()
        except RedisError as problem:
            self._note_redis(problem)
            return False
        return True

    def _queue(self, offers: tuple[Offer, ...]) -> tuple[Offer, ...]:
        """Queue in order until Redis fails; answer what is left."""
        for place, one in enumerate(offers):
            try:
                offer(self._redis, one)
            except RedisError as problem:
                self._note_redis(problem)
                return offers[place:]
        self._note_redis(None)
        return ()

    def _note_redis(self, problem: RedisError | None) -> None:
        if problem is not None and not self.redis_away:
            _log.warning(
                "Redis does not answer; the work stays in Postgres and is queued later", why=str(problem)
            )
        elif problem is None and self.redis_away:
            _log.info("Redis answers again")
        self.redis_away = problem is not None


async def relay(*, direct_url: str, redis_url: str, instance: str) -> None:
    """Be the relay once no other is, until cancelled. Raises Unavailable when Postgres is lost."""
    state = "standby"
    async with asyncio.TaskGroup() as group:
        group.create_task(keep_beating(direct_url, "relay", instance, lambda: state))
        async with leader(direct_url, "relay"):
            work, ears = (
                await connect(direct_url, name="relay"),
                await connect(direct_url, name="relay listen"),
            )
            one = Relay(outbox=Outbox(work), redis=connect_queues(redis_url))
            wake = asyncio.Event()
            group.create_task(_listen(ears, wake))
            _log.info("leading")
            await one.start()
            while True:
                wake.clear()
                await one.drain()
                state = "leader, Redis away" if one.redis_away else "leader"
                try:
                    async with asyncio.timeout(POLL_SECONDS):
                        await wake.wait()
                except TimeoutError:
                    pass


async def _listen(connection: AsyncConnection, wake: asyncio.Event) -> None:
    async with aclosing(wakes(connection)) as notices:
        async for told in notices:
            # what other processes take by themselves is offered should they not, by the next look
            if told.queue not in (HEARD, INSIDE):
                wake.set()
