"""What the console may and may not do with its Redis login."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import redis

from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from daemon.embedded import Endpoints


@pytest.fixture
def console(embedded: Endpoints) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(embedded.redis.console_url()) as client:
        yield client


@pytest.fixture
def daemon(embedded: Endpoints) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(embedded.redis.daemon_url()) as client:
        yield client
        client.flushall()


def test_the_console_reads_the_cache_and_hears_the_channels(
    console: redis.Redis, daemon: redis.Redis
) -> None:
    daemon.hset("senex:quotes", "QQQ", "1")
    daemon.set("senex:cache:metrics:QQQ", "2", ex=60)
    with console.pubsub() as listener:  # type: ignore[no-untyped-call] # redis-py leaves it untyped
        listener.subscribe("senex:quotes")
        listener.psubscribe("senex:*")  # the user's rule names this pattern: no other one is granted
        confirmed = [listener.get_message(timeout=PATIENCE)["type"] for _ in range(2)]
        daemon.publish("senex:quotes", "now")
        heard = [listener.get_message(timeout=PATIENCE)["data"] for _ in range(2)]
    assert confirmed == ["subscribe", "psubscribe"]
    assert heard == [b"now", b"now"]
    assert console.hgetall("senex:quotes") == {b"QQQ": b"1"}
    assert console.get("senex:cache:metrics:QQQ") == b"2"


def test_the_console_writes_its_leases(console: redis.Redis, daemon: redis.Redis) -> None:
    with console.pipeline(transaction=True) as pipe:
        pipe.sadd("senex:lease:console-1", "QQQ", "SPY")
        pipe.expire("senex:lease:console-1", 15)
        assert pipe.execute() == [2, True]
    assert daemon.smembers("senex:lease:console-1") == {b"QQQ", b"SPY"}
    assert console.delete("senex:lease:console-1") == 1


@pytest.mark.parametrize(
    "attempt",
    [
        lambda c: c.lpush("rq:queue:trading", "job"),
        lambda c: c.rpush("senex:lease:x", "job"),
        lambda c: c.hset("rq:job:1", "data", "x"),
        lambda c: c.sadd("rq:queues", "rq:queue:trading"),
        lambda c: c.lrange("rq:queue:trading", 0, -1),
        lambda c: c.hgetall("rq:job:1"),
        lambda c: c.zadd("rq:scheduler:scheduled_jobs", {"job": 0}),
        lambda c: c.set("senex:quotes", "x"),
        lambda c: c.hset("senex:quotes", "QQQ", "0"),
        lambda c: c.set("senex:cache:x", "x"),
        lambda c: c.publish("senex:quotes", "fake"),
        lambda c: c.keys("*"),
        lambda c: c.scan(),
        lambda c: c.eval("return 1", 0),
        lambda c: c.flushall(),
        lambda c: c.config_get("*"),
        lambda c: c.config_set("maxmemory-policy", "allkeys-lru"),
        lambda c: c.acl_setuser("console", enabled=True, categories=["+@all"]),
        lambda c: c.client_list(),
        lambda c: c.execute_command("SELECT", 2),
        lambda c: c.execute_command("COPY", "senex:lease:x", "rq:queue:trading", "DB", 2),
        lambda c: c.execute_command("MOVE", "senex:lease:x", 2),
        lambda c: c.execute_command("SHUTDOWN", "NOSAVE"),
        lambda c: c.execute_command("PSUBSCRIBE", "__keyspace@0__:*"),
        lambda c: c.execute_command("SUBSCRIBE", "rq:pubsub:worker"),
    ],
)
def test_the_console_is_refused_everything_else(
    console: redis.Redis, attempt: Callable[[redis.Redis], Any]
) -> None:
    with pytest.raises(redis.exceptions.NoPermissionError):
        attempt(console)


def test_the_console_cannot_reach_the_queues_database(embedded: Endpoints) -> None:
    url = embedded.redis.console_url().removesuffix("0") + "2"
    with redis.Redis.from_url(url) as client, pytest.raises(redis.exceptions.NoPermissionError):
        client.ping()
