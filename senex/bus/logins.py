"""A login the broker refused: one process found out, so that the others need not ask."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from senex.bus import keys
from senex.bus.connection import redis_errors
from senex.domain.errors import Unavailable

if TYPE_CHECKING:
    from redis.asyncio import Redis


class RedisLoginPause:
    """The pause of one login, named so that nothing of it is given away.

    A hint like all that is in Redis: without it each process asks for itself.
    """

    def __init__(self, redis: Redis, login: str) -> None:
        self._redis = redis
        self._key = keys.LOGINS + login

    async def why(self) -> str | None:
        """What the broker said, while the pause lasts."""
        with suppress(Unavailable), redis_errors():
            told = await self._redis.get(self._key)
            return told.decode() if isinstance(told, bytes) else told
        return None

    async def begin(self, why: str, seconds: float) -> None:
        """Have everybody wait so many seconds of machine time."""
        with suppress(Unavailable), redis_errors():
            await self._redis.set(self._key, why, px=int(seconds * 1000))
