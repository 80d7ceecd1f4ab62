"""Writing to the bus: hints from services, quotes from the streamer."""

from __future__ import annotations

import asyncio
import logging
from itertools import chain
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from senex.bus import codec, keys
from senex.bus.connection import at_once, redis_errors

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from redis.asyncio import Redis
    from redis.typing import EncodableT

    from senex.bus.codec import Pulse
    from senex.domain.quotes import Greeks, Quote

_log = logging.getLogger(__name__)


class RedisPublisher:
    """The ``Publisher`` port: a hint that may get lost, is waited for by nobody, and never an error."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._on_their_way: set[asyncio.Task[None]] = set()

    async def changed(self, kind: str, account_id: str, object_id: str) -> None:
        """Say that an object of ``kind`` changed."""
        task = asyncio.create_task(self._publish(codec.Hint(kind, str(account_id), str(object_id))))
        self._on_their_way.add(task)
        task.add_done_callback(self._on_their_way.discard)

    async def close(self) -> None:
        """Let what is on its way arrive."""
        await asyncio.gather(*self._on_their_way)

    async def _publish(self, hint: codec.Hint) -> None:
        try:
            await self._redis.publish(keys.EVENT_CHANNEL, codec.encode_hint(hint))
        except (RedisError, OSError) as problem:
            _log.debug("a hint got lost: %s", problem)


class QuoteWriter:
    """The streamer's side of the quote cache: one round trip a flush."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def write(self, pulse: Pulse, quotes: Collection[Quote], greeks: Collection[Greeks]) -> int:
        """Store and publish what changed; returns how many quotes the cache holds now.

        Fewer than the streamer holds means that Redis lost some (a restart, an
        eviction, a wipe): ``rewrite`` puts them back.

        Raises:
            Unavailable: ``E_REDIS_AWAY``.
        """
        return await self._flush(pulse, quotes, greeks, anew=False)

    async def rewrite(self, pulse: Pulse, quotes: Collection[Quote], greeks: Collection[Greeks]) -> int:
        """Replace the whole cache: a new epoch, or a Redis that forgot.

        Raises:
            Unavailable: ``E_REDIS_AWAY``.
        """
        return await self._flush(pulse, quotes, greeks, anew=True)

    async def forget(self, streamed: Collection[str]) -> int:
        """Remove from the cache what is not streamed any more; how many symbols that were.

        Raises:
            Unavailable: ``E_REDIS_AWAY``.
        """
        gone: set[str] = set()
        with redis_errors():
            for name in (keys.QUOTES, keys.GREEKS):
                held = {field.decode() for field in await self._redis.hkeys(name) if isinstance(field, bytes)}
                left = held.difference(streamed)
                if left:
                    await self._redis.hdel(name, *left)
                gone |= left
        return len(gone)

    async def _flush(
        self, pulse: Pulse, quotes: Collection[Quote], greeks: Collection[Greeks], *, anew: bool
    ) -> int:
        prices = {quote.symbol.encode(): codec.encode_quote(quote) for quote in quotes}
        figures = {row.symbol.encode(): codec.encode_greeks(row) for row in greeks}
        frame = codec.encode_frame(pulse, prices.values(), figures.values())
        commands: list[tuple[EncodableT, ...]] = [
            *_store(keys.QUOTES, prices, anew=anew),
            *_store(keys.GREEKS, figures, anew=anew),
            ("SET", keys.PULSE, codec.encode_pulse(pulse), "EX", keys.PULSE_TTL),
            ("PUBLISH", keys.QUOTE_CHANNEL, frame),
            ("HLEN", keys.QUOTES),
        ]
        with redis_errors():
            if anew:  # a replacement must not be seen half done
                *_, answers = await at_once(self._redis, [("MULTI",), *commands, ("EXEC",)])
            else:
                answers = await at_once(self._redis, commands)
        return int(answers[-1])


def _store(name: str, rows: Mapping[bytes, bytes], *, anew: bool) -> Iterator[tuple[EncodableT, ...]]:
    if anew:
        yield "DEL", name
    if rows:
        yield "HSET", name, *chain.from_iterable(rows.items())
        yield "EXPIRE", name, keys.CACHE_TTL
