"""Following the bus: a console's view of the stream, gaps and outages included.

Subscribe first, read the hash then, and drop what is older than what is
known: a quote can be late but never go back in time.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import random
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from senex.bus import codec, keys
from senex.bus.codec import Frame, Garbled, Hint, Pulse
from senex.bus.connection import ANSWER_TIMEOUT, open_redis, redis_away

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from redis.asyncio import Redis
    from redis.asyncio.client import PubSub

    from senex.domain.errors import Unavailable
    from senex.domain.quotes import Quote

_log = logging.getLogger(__name__)

_SILENCE = 1.0
"""Seconds without any message before Redis is asked whether it lives."""
_FIRST_DELAY, _LONGEST_DELAY = 0.25, 5.0
_NO_PULSE = Pulse("", 0, 0, connected=False, last_inbound=None)


@dataclass(frozen=True, slots=True)
class Joined:
    """The bus is there; ``frame`` is everything known. Whatever was shown before is void."""

    frame: Frame


@dataclass(frozen=True, slots=True)
class Lost:
    """Redis is gone. What is shown ages from here on; a ``Joined`` follows when it is back."""

    why: Unavailable


BusEvent = Joined | Lost | Frame | Hint


class Feed:
    """One reader of the bus. Iterate ``events``; it never ends by itself and never raises for an outage."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._newest: dict[str, int] = {}
        self._pulse: Pulse | None = None
        self.garbled = 0

    async def events(self) -> AsyncGenerator[BusEvent, None]:
        """What happens on the bus, for ever: reconnects with back-off, heals by reading the hash.

        Iterate it under ``contextlib.aclosing``, so that leaving closes its connections.
        """
        # what is loaded stays: the collector's walk through it would hold a frame up for a tenth of a second
        gc.freeze()
        delay = _FIRST_DELAY
        told = False
        while True:
            try:
                async with aclosing(self._connected()) as connected:
                    async for event in connected:
                        delay, told = _FIRST_DELAY, False
                        yield event
            except (RedisError, OSError) as problem:
                _log.debug("lost the bus: %s", problem)
                if not told:
                    told = True
                    yield Lost(redis_away(problem, self._url))
            await asyncio.sleep(delay * random.uniform(0.5, 1))  # noqa: S311  jitter, not a secret
            delay = min(delay * 2, _LONGEST_DELAY)

    async def _connected(self) -> AsyncGenerator[BusEvent, None]:
        redis = open_redis(self._url)
        pubsub = redis.pubsub(push_handler_func=_as_it_came)
        try:
            await pubsub.subscribe(keys.QUOTE_CHANNEL, keys.EVENT_CHANNEL)
            yield Joined(await self._everything(redis))
            silent = False
            while True:
                message = await _next(pubsub)
                if message is None:
                    if silent:
                        raise TimeoutError("no answer to a ping")
                    silent = True
                    await pubsub.ping()
                    continue
                silent = False
                event = self._understood(message)
                if event is None:
                    continue
                if isinstance(event, Frame) and self._is_gap(event):
                    yield Joined(await self._everything(redis))
                    continue
                yield event
        finally:
            await pubsub.aclose()  # type: ignore[no-untyped-call]
            await redis.aclose()

    def _understood(self, message: dict[str, object]) -> Frame | Hint | None:
        data = message["data"]
        if message["type"] != "message" or not isinstance(data, bytes):
            return None
        try:
            if message["channel"] == keys.EVENT_CHANNEL.encode():
                return codec.decode_hint(data)
            return self._newer(codec.decode_frame(data))
        except Garbled as problem:
            self.garbled += 1
            _log.warning("%s", problem)
            return None

    def _is_gap(self, frame: Frame) -> bool:
        """Whether a frame was missed or a new epoch began; remembers the frame's number."""
        before, self._pulse = self._pulse, frame.pulse
        return before is None or before.epoch != frame.pulse.epoch or frame.pulse.frame > before.frame + 1

    def _newer(self, frame: Frame) -> Frame | None:
        if self._pulse is not None and self._pulse.epoch == frame.pulse.epoch:
            if frame.pulse.frame <= self._pulse.frame:
                return None
        else:
            self._newest.clear()
        return Frame(frame.pulse, self._fresh(frame.quotes), frame.greeks)

    def _fresh(self, quotes: Iterable[Quote]) -> tuple[Quote, ...]:
        kept, newest = [], self._newest
        for quote in quotes:
            symbol, sequence = quote.symbol, quote.sequence
            if sequence > newest.get(symbol, -1):
                newest[symbol] = sequence
                kept.append(quote)
        return tuple(kept)

    async def _everything(self, redis: Redis) -> Frame:
        async with redis.pipeline(transaction=True) as pipe:
            pipe.get(keys.PULSE)
            pipe.hvals(keys.QUOTES)
            pipe.hvals(keys.GREEKS)
            raw, quotes, greeks = await pipe.execute()
        pulse = next(iter(codec.readable(codec.decode_pulse, [raw])), _NO_PULSE)
        self._pulse = pulse
        self._newest.clear()
        return Frame(
            pulse,
            self._fresh(codec.readable(codec.decode_quote, quotes)),
            codec.readable(codec.decode_greeks, greeks),
        )


async def _as_it_came(message: object) -> object:
    """Instead of redis' own, which writes out each message for a log that is not kept."""
    return message


async def _next(pubsub: PubSub) -> dict[str, object] | None:
    async with asyncio.timeout(_SILENCE + ANSWER_TIMEOUT):
        message: dict[str, object] | None = await pubsub.get_message(timeout=_SILENCE)
    return message
