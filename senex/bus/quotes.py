"""The ``Quotes`` port: the newest prices, read from the cache the streamer writes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

from senex.bus import codec, keys
from senex.bus.connection import redis_errors
from senex.bus.leases import Lease
from senex.domain.quotes import Market

if TYPE_CHECKING:
    from collections.abc import Collection

    from redis.asyncio import Redis

    from senex.bus.codec import Pulse

_POLL = 0.05
_LINGER = 60.0


class RedisQuotes:
    """Reads quotes, Greeks and the pulse of their connection."""

    def __init__(self, redis: Redis, holder: str) -> None:
        self._redis = redis
        self._holder = holder

    async def snapshot(self, symbols: Collection[str]) -> Market:
        """What is known now of these streamer symbols; may lack some.

        Raises:
            Unavailable: ``E_REDIS_AWAY``.
        """
        market, _ = await self._read(list(symbols))
        return market

    async def pulse(self) -> Pulse | None:
        """What the streamer last said of its connection; None when none has lived lately.

        Raises:
            Unavailable: ``E_REDIS_AWAY``.
        """
        _, pulse = await self._read([])
        return pulse

    async def wanted(self, symbols: Collection[str], *, timeout: float) -> Market:
        """Ask the streamer for these symbols and wait until all are there and live.

        The lease outlives the call by a minute, so that what is priced next
        from the same symbols finds them streaming.

        Raises:
            Unavailable: ``E_REDIS_AWAY``.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        asked = list(symbols)
        lease: Lease | None = Lease(self._redis, f"{self._holder}:{uuid4().hex}")
        while True:
            market, pulse = await self._read(asked, lease, timeout + _LINGER)
            lease = None
            complete = all(symbol in market.quotes for symbol in asked)
            if (complete and pulse is not None and pulse.connected) or loop.time() >= deadline:
                return market
            await asyncio.sleep(min(_POLL, max(deadline - loop.time(), 0)))

    async def _read(
        self, symbols: list[str], lease: Lease | None = None, ttl: float = 0
    ) -> tuple[Market, Pulse | None]:
        """Quotes, Greeks and pulse of one moment; with a lease, asked for in the same round trip."""
        with redis_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                if lease is not None and symbols:
                    lease.ask(pipe, symbols, ttl)
                pipe.get(keys.PULSE)
                if symbols:
                    pipe.hmget(keys.QUOTES, symbols)
                    pipe.hmget(keys.GREEKS, symbols)
                answers = await pipe.execute()
        asked = 1 if lease is not None and symbols else 0
        raw, quotes, greeks = (*answers[asked:], [], [])[:3]
        pulse = next(iter(codec.readable(codec.decode_pulse, [raw])), None)
        return (
            Market(
                quotes={quote.symbol: quote for quote in codec.readable(codec.decode_quote, quotes)},
                last_inbound=None if pulse is None else pulse.last_inbound,
                greeks={row.symbol: row for row in codec.readable(codec.decode_greeks, greeks)},
            ),
            pulse,
        )
