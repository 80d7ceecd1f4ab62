"""Connections to Redis, with deadlines, and its errors in our words."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from senex.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECT_TIMEOUT = 1.0
ANSWER_TIMEOUT = 2.0


def open_redis(url: str) -> Redis:
    """A client of the Redis at ``url``; nothing is connected yet.

    A broken connection is replaced once, at once: whoever needs patience (the
    streamer, a feed) has its own.
    """
    return Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_TIMEOUT,
        socket_timeout=ANSWER_TIMEOUT,
        retry=Retry(NoBackoff(), 1),
    )


@contextmanager
def redis_errors(url: str = "") -> Iterator[None]:
    """Turn what Redis or its socket raises into ``Unavailable`` (``E_REDIS_AWAY``)."""
    try:
        yield
    except (RedisError, OSError) as problem:
        raise redis_away(problem, url) from problem


def redis_away(problem: BaseException, url: str = "") -> Unavailable:
    """The error for a Redis that does not answer, without its password."""
    parts = urlsplit(url)
    where = f" at {parts.hostname}:{parts.port}" if parts.hostname else ""
    return Unavailable(
        "E_REDIS_AWAY",
        f"Redis{where} does not answer ({type(problem).__name__}); prices and hints pause, nothing is lost. "
        "Check that it runs.",
    )
