"""The bus on a real server: nothing shown is older than what was shown, outages are said and healed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from daemon.streaming.flusher import Flusher
from daemon.streaming.wishes import Wishes
from senex.broker.book import QuoteBook
from senex.bus import codec, keys
from senex.bus.codec import Frame, Hint, Pulse
from senex.bus.connection import open_redis
from senex.bus.leases import Lease, read_leases
from senex.bus.publisher import QuoteWriter, RedisPublisher
from senex.bus.quotes import RedisQuotes
from senex.bus.subscriber import Joined, Lost
from senex.domain.errors import Unavailable
from senex.store.streaming import StreamStore
from senex.testing.clock import ManualClock
from tests.integration.stream.stream_support import NOON, listening, quote
from tests.waiting import PATIENCE, until

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from daemon.embedded import Endpoints
    from tests.integration.stream.stream_support import RedisServer

PULSE = Pulse("one", 1, 1, connected=True, last_inbound=NOON)


def pulse(frame: int, epoch: str = "one") -> Pulse:
    return replace(PULSE, frame=frame, epoch=epoch)


async def test_a_late_reader_gets_everything_then_what_changes(redis: Redis, server: RedisServer) -> None:
    writer = QuoteWriter(redis)
    await writer.write(pulse(1), [quote("QQQ"), quote("SPY")], [])
    async with listening(server.url) as reader:
        joined = await reader.next(Joined)
        assert {each.symbol for each in joined.frame.quotes} == {"QQQ", "SPY"}
        assert joined.frame.pulse.last_inbound == NOON
        await writer.write(pulse(2), [quote("QQQ", "1.20", sequence=2)], [])
        frame = await reader.next(Frame)
        assert frame.quotes == (quote("QQQ", "1.20", sequence=2),)


async def test_a_quote_never_goes_back(redis: Redis, server: RedisServer) -> None:
    writer = QuoteWriter(redis)
    await writer.write(pulse(1), [quote("QQQ", "1.20", sequence=5)], [])
    async with listening(server.url) as reader:
        await reader.next(Joined)
        await writer.write(pulse(2), [quote("QQQ", "1.10", sequence=4), quote("SPY", sequence=6)], [])
        assert [each.symbol for each in (await reader.next(Frame)).quotes] == ["SPY"]
        late = codec.encode_quote(quote("IWM", sequence=9))
        await redis.publish(keys.QUOTE_CHANNEL, codec.encode_frame(pulse(1), [late], []))
        await writer.write(pulse(3), [quote("DIA", sequence=10)], [])
        assert [each.symbol for each in (await reader.next(Frame)).quotes] == ["DIA"]


@pytest.mark.parametrize("after", [pulse(4), pulse(2, "two")])
async def test_a_missed_frame_or_a_new_epoch_reads_everything_again(
    redis: Redis, server: RedisServer, after: Pulse
) -> None:
    writer = QuoteWriter(redis)
    await writer.rewrite(pulse(1), [quote("QQQ", sequence=7)], [])
    async with listening(server.url) as reader:
        await reader.next(Joined)
        await writer.rewrite(after, [quote("SPY", sequence=2)], [])
        joined = await reader.next(Joined)
        assert [each.symbol for each in joined.frame.quotes] == ["SPY"]


async def test_garbage_on_the_bus_is_dropped(redis: Redis, server: RedisServer) -> None:
    async with listening(server.url) as reader:
        await reader.next(Joined)
        await redis.publish(keys.QUOTE_CHANNEL, b"\xff")
        await redis.publish(keys.EVENT_CHANNEL, b'{"kind":1}')
        await RedisPublisher(redis).changed("order", "account", "object")
        assert await reader.next(Hint) == Hint("order", "account", "object")


async def test_a_dead_redis_is_said_once_and_heals(redis: Redis, server: RedisServer) -> None:
    async with listening(server.url) as reader:
        await reader.next(Joined)
        server.kill()
        lost = await reader.next(Lost)
        assert lost.why.code == "E_REDIS_AWAY"
        server.start()
        await reader.next(Joined)


async def test_a_frozen_redis_is_noticed(redis: Redis, server: RedisServer) -> None:
    async with listening(server.url) as reader:
        await reader.next(Joined)
        server.freeze()
        await reader.next(Lost)
        server.thaw()
        await reader.next(Joined)


async def test_no_command_swallows_a_cancel(server: RedisServer) -> None:
    connection = open_redis(server.url).connection_pool.make_connection()  # type: ignore[no-untyped-call]
    await connection.connect()
    for turns in range(6):  # of the loop, before it is cancelled
        sending = asyncio.create_task(connection.send_command("PING"))
        for _ in range(turns):
            await asyncio.sleep(0)
        stopped = sending.cancel()
        await asyncio.wait({sending})
        assert sending.cancelled() == stopped
        await connection.connect()
    await connection.disconnect()


async def test_all_cache_keys_carry_a_ttl(redis: Redis) -> None:
    await QuoteWriter(redis).write(pulse(1), [quote("QQQ")], [])
    await Lease(redis, "console").keep(["QQQ"])
    found = [name async for name in redis.scan_iter()]
    assert len(found) == 3
    for name in found:
        assert await redis.ttl(name) > 0, name


async def test_leases_are_read_replaced_and_released(redis: Redis) -> None:
    lease = Lease(redis, "console:1")
    await lease.keep(["QQQ", "SPY"])
    await lease.keep(["SPY"])
    await Lease(redis, "worker:2").keep(["IWM"])
    await redis.set(keys.lease("vandal"), b"{", ex=10)
    assert await read_leases(redis) == {"console:1": frozenset({"SPY"}), "worker:2": frozenset({"IWM"})}
    await lease.release()
    await Lease(redis, "worker:2").keep(["IWM"], ttl=0.001)

    async def none_left() -> bool:
        return not await read_leases(redis)

    await until(none_left)


async def test_the_budget_goes_to_the_oldest_leases(redis: Redis) -> None:
    wanted: list[frozenset[str]] = []
    store = StreamStore("postgresql://nobody", environment="simulated")
    wishes = Wishes(store=store, redis=redis, clock=ManualClock(NOON), budget=5, want=wanted.append)
    half, more = ([f"{kind}{number}" for number in range(3)] for kind in "AB")
    old, new = Lease(redis, "zeta"), Lease(redis, "alpha")
    await old.keep(half)
    await wishes.follow(books=False)
    await new.keep(more)
    await old.keep([*half, "C"])
    await wishes.follow(books=False)
    assert (set(wanted[-1]), wishes.refused) == ({*half, "C"}, 1)
    await old.release()
    await wishes.follow(books=False)
    await old.keep(half)
    await wishes.follow(books=False)
    assert (set(wanted[-1]), wishes.refused) == (set(more), 1)


async def test_wanted_leases_waits_and_says_what_it_has(redis: Redis) -> None:
    quotes = RedisQuotes(redis, "worker")
    assert (await quotes.wanted(["QQQ"], timeout=0.2)).quotes == {}
    (symbols,) = (await read_leases(redis)).values()
    assert symbols == frozenset({"QQQ"})
    await QuoteWriter(redis).write(pulse(1), [quote("QQQ")], [])
    market = await quotes.wanted(["QQQ"], timeout=PATIENCE)
    assert market.quotes == {"QQQ": quote("QQQ")}
    assert market.last_inbound == NOON
    away = replace(pulse(2), connected=False)
    await QuoteWriter(redis).write(away, [], [])
    assert (await quotes.wanted(["QQQ", "SPY"], timeout=0.1)).quotes.keys() == {"QQQ"}
    assert await quotes.pulse() == away


async def test_without_redis_reads_fail_plainly_and_hints_do_not_fail(
    redis: Redis, server: RedisServer
) -> None:
    server.kill()
    with pytest.raises(Unavailable) as caught:
        await RedisQuotes(redis, "worker").snapshot(["QQQ"])
    assert caught.value.code == "E_REDIS_AWAY"
    with pytest.raises(Unavailable):
        await Lease(redis, "console").keep(["QQQ"])
    await RedisPublisher(redis).changed("order", "a", "b")


async def test_a_console_reads_subscribes_and_leases(embedded: Endpoints) -> None:
    async with (
        open_redis(embedded.redis.daemon_url()) as daemon,
        open_redis(embedded.redis.console_url()) as console,
    ):
        await QuoteWriter(daemon).rewrite(pulse(1), [quote("QQQ")], [])
        async with listening(embedded.redis.console_url()) as reader:
            assert (await reader.next(Joined)).frame.quotes == (quote("QQQ"),)
        await Lease(console, "console:acl").keep(["QQQ"])
        assert (await RedisQuotes(console, "console").snapshot(["QQQ"])).quotes == {"QQQ": quote("QQQ")}
        assert (await read_leases(daemon))["console:acl"] == frozenset({"QQQ"})
        with pytest.raises(Unavailable):
            await QuoteWriter(console).write(pulse(2), [quote("QQQ", "9")], [])


async def test_the_flusher_restores_what_redis_lost(redis: Redis, server: RedisServer) -> None:
    clock = ManualClock(NOON)
    book = QuoteBook(clock)
    book.want(frozenset({"QQQ", "SPY"}))
    book.begin()
    flusher = Flusher(book, QuoteWriter(redis))
    quotes = RedisQuotes(redis, "reader")
    book.take(
        ["Quote", ["QQQ", 0, 1, 0, 0, "Q", 0, "Q", 1, 2, 3, 4, "SPY", 0, 1, 0, 0, "Q", 0, "Q", 5, 6, 3, 4]]
    )
    await flusher.flush()
    assert (await quotes.snapshot(["QQQ", "SPY"])).quotes.keys() == {"QQQ", "SPY"}

    await redis.flushdb()
    book.take(["Quote", ["QQQ", 0, 2, 0, 0, "Q", 0, "Q", 1, 2, 3, 4]])
    await flusher.flush()
    await flusher.flush()
    assert (await quotes.snapshot(["QQQ", "SPY"])).quotes.keys() == {"QQQ", "SPY"}

    server.kill()
    book.take(["Quote", ["QQQ", 0, 3, 0, 0, "Q", 0, "Q", 7, 8, 3, 4]])
    await flusher.flush()
    assert flusher.problem
    server.start()
    await flusher.flush()
    market = await quotes.snapshot(["QQQ", "SPY"])
    assert {symbol: str(each.bid) for symbol, each in market.quotes.items()} == {"QQQ": "7", "SPY": "5"}

    book.want(frozenset({"SPY"}))
    await flusher.flush()
    async with listening(server.url) as reader:
        assert [each.symbol for each in (await reader.next(Joined)).frame.quotes] == ["SPY"]
