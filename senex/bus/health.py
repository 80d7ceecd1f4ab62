"""Asks Redis how it keeps what it is given."""

from __future__ import annotations

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from senex.bus.connection import ANSWER_TIMEOUT, CONNECT_TIMEOUT, redis_errors
from senex.ports.views import RedisView


def look_at_redis(url: str) -> RedisView:
    """Ask once. Blocks.

    Raises:
        Unavailable: ``E_REDIS_AWAY``; also when this user may not ask.
    """
    client = Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_TIMEOUT,
        socket_timeout=ANSWER_TIMEOUT,
        retry=Retry(NoBackoff(), 0),
    )
    with redis_errors(url), client:
        told = client.info()
    limit = int(told.get("maxmemory", 0))
    return RedisView(
        loading=bool(int(told.get("loading", 0))),
        append_only=bool(int(told.get("aof_enabled", 0))),
        written=told.get("aof_last_write_status") == "ok",
        eviction=str(told.get("maxmemory_policy", "unknown")),
        full=int(told.get("used_memory", 0)) / limit if limit else None,
    )
