"""Leases: who wants which symbols streamed, and for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.bus import codec, keys
from senex.bus.connection import redis_errors

if TYPE_CHECKING:
    from collections.abc import Awaitable, Collection

    from redis.asyncio import Redis

_NEVER = -1


class Lease:
    """One holder's wish. It lapses when it is not renewed in time."""

    def __init__(self, redis: Redis, holder: str) -> None:
        self._redis = redis
        self._key = keys.lease(holder)

    async def keep(self, symbols: Collection[str], ttl: float = keys.LEASE_TTL) -> None:
        """Ask for these symbols for ``ttl`` seconds of machine time; replaces what was asked before.

        Raises:
            Unavailable: ``E_REDIS_AWAY``.
        """
        if not symbols:
            await self.release()
            return
        with redis_errors():
            await self.ask(self._redis, symbols, ttl)

    def ask(self, redis: Redis, symbols: Collection[str], ttl: float) -> Awaitable[object]:
        """The command that asks for symbols, on a connection or as part of a pipeline."""
        return redis.set(self._key, codec.encode_symbols(symbols), px=int(ttl * 1000))

    async def release(self) -> None:
        """Want nothing any more.

        Raises:
            Unavailable: ``E_REDIS_AWAY``.
        """
        with redis_errors():
            await self._redis.delete(self._key)


async def read_leases(redis: Redis) -> dict[str, frozenset[str]]:
    """Every holder's symbols now; a lease that cannot be read is left out.

    Raises:
        Unavailable: ``E_REDIS_AWAY``.
    """
    with redis_errors():
        names = [name async for name in redis.scan_iter(match=f"{keys.LEASES}*", count=500)]
        values = await redis.mget(names) if names else []
    leases: dict[str, frozenset[str]] = {}
    for name, value in zip(names, values, strict=True):
        for symbols in codec.readable(codec.decode_symbols, [value]):
            leases[name.decode().removeprefix(keys.LEASES)] = symbols
    return leases


async def forget_endless(redis: Redis) -> int:
    """Remove leases that would never lapse, which nobody of ours writes; how many there were.

    Raises:
        Unavailable: ``E_REDIS_AWAY``.
    """
    with redis_errors():
        names = [name async for name in redis.scan_iter(match=f"{keys.LEASES}*", count=500)]
        endless = [name for name in names if await redis.ttl(name) == _NEVER]
        if endless:
            await redis.delete(*endless)
    return len(endless)
