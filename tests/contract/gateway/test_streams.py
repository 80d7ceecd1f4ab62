"""Streams against a broker that lies, falls silent and refuses: they count it, and live."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from senex.broker.book import QUOTE_COLUMNS
from senex.broker.session import open_session
from senex.broker.streams import AlertStream, BackOff, QuoteStream
from senex.testing.clock import ManualClock
from tests.contract.gateway.lying_broker import LyingBroker, lying
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

_CLOCK = ManualClock(datetime(2026, 6, 2, 14, tzinfo=UTC))


def quote(symbol: str, bid: float) -> dict[str, Any]:
    row = dict.fromkeys(QUOTE_COLUMNS, 0) | {"eventSymbol": symbol, "bidPrice": bid, "askPrice": bid + 1}
    return {"type": "FEED_DATA", "channel": 7, "data": ["Quote", [row[name] for name in QUOTE_COLUMNS]]}


@asynccontextmanager
async def streaming(broker: LyingBroker, *symbols: str, silence: float = 30) -> AsyncIterator[QuoteStream]:
    async with lying(broker), open_session(broker.access) as session:
        stream = QuoteStream(session, clock=_CLOCK, silence=silence)
        stream.want(frozenset(symbols))
        task = asyncio.create_task(stream.run())
        try:
            yield stream
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(fact: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not fact():  # noqa: ASYNC110  the fact is made by a socket
            await asyncio.sleep(0.01)


async def test_noise_is_counted_and_the_connection_lives() -> None:
    noise = (
        "not json",
        "[]",
        {"type": "SOMETHING_NEW"},
        {"type": "FEED_DATA", "channel": 7, "data": []},
        {"type": "FEED_DATA", "channel": 7, "data": ["Quote", [1, 2, 3]]},
        {"type": "FEED_DATA", "channel": 7},
        {"type": "FEED_DATA", "channel": 99, "data": ["Nonsense", [1]]},
        {"type": "CHANNEL_OPENED", "channel": 99},
        {"type": "AUTH_STATE", "state": "AUTHORIZED"},
        quote("QQQ", 500),
    )
    broker = LyingBroker(feed=lambda _: noise)
    async with streaming(broker, "QQQ") as stream:
        await until(lambda: len(stream.book))
        assert [each.bid for each in stream.book.everything().quotes] == [500]
        assert stream.book.quarantined["corrupt"] == 5
        assert broker.connections == 1
        assert stream.book.last_inbound == _CLOCK.now()


async def test_a_feed_that_falls_silent_is_connected_again() -> None:
    broker = LyingBroker(feed=lambda number: (quote("QQQ", number),))
    async with streaming(broker, "QQQ", silence=0.5) as stream:
        await until(lambda: broker.connections >= 2)
        await until(lambda: stream.book.everything().quotes and stream.book.everything().quotes[0].bid != 1)


async def test_an_error_of_the_feed_is_said_and_connected_again() -> None:
    failure = {"type": "ERROR", "channel": 0, "error": "TIMEOUT", "message": "bye"}
    broker = LyingBroker(feed=lambda number: (failure,) if number == 1 else (quote("QQQ", number),))
    async with streaming(broker, "QQQ") as stream:
        await until(lambda: "TIMEOUT" in stream.problem)
        assert not stream.book.connected
        await until(lambda: len(stream.book))
        assert not stream.problem


async def test_a_refused_feed_token_is_not_hammered() -> None:
    broker = LyingBroker(trust=False)
    async with streaming(broker, "QQQ") as stream:
        await until(lambda: broker.connections >= 2)
        assert broker.count("AUTH") <= broker.connections
        assert "token" in stream.problem


async def test_a_closed_channel_is_connected_again() -> None:
    closed = {"type": "CHANNEL_CLOSED", "channel": 7}
    broker = LyingBroker(feed=lambda number: (closed,) if number == 1 else (quote("QQQ", number),))
    async with streaming(broker, "QQQ") as stream:
        await until(lambda: len(stream.book))
        assert broker.connections == 2


async def test_many_symbols_go_in_messages_the_broker_takes() -> None:
    broker = LyingBroker()
    symbols = [f".QQQ260710P{strike}" for strike in range(1000)]
    async with streaming(broker, *symbols) as stream:
        await until(
            lambda: sum(len(each.get("add", ())) for each in broker.heard) == 2000
        )  # quotes and Greeks
        assert broker.longest < 65536
        stream.want(frozenset(symbols[:10]))
        await until(lambda: sum(len(each.get("remove", ())) for each in broker.heard) == 1980)


async def test_alerts_are_handed_on_raw_whatever_they_are() -> None:
    texts = ("no json", '["x"]', '{"type":"Order","data":{"account-number":"5SX1"}}', '{"type":"New"}', "{}")
    seen: list[tuple[str, str, str | None]] = []
    news: list[str] = []

    class Taker:
        async def subscribed(self, numbers: tuple[str, ...]) -> None:
            news.append(",".join(numbers))

        async def take(self, text: str, kind: str, number: str | None) -> None:
            seen.append((text, kind, number))

        async def interrupted(self, why: str) -> None:
            news.append(why)

    broker = LyingBroker(alerts=texts)
    async with lying(broker), open_session(broker.access) as session:
        task = asyncio.create_task(AlertStream(session, Taker()).run())
        await until(lambda: len(seen) == 4)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert seen == [
        (texts[0], "", None),
        (texts[1], "", None),
        (texts[2], "Order", "5SX1"),
        (texts[3], "New", None),
    ]
    assert news == ["5SX1"]


def test_the_pauses_double_to_their_limit_and_begin_anew() -> None:
    back_off = BackOff()
    pauses = [back_off.next() for _ in range(8)]
    assert all(
        0.5 * limit <= pause <= limit
        for pause, limit in zip(pauses, (1, 2, 4, 8, 16, 30, 30, 30), strict=True)
    )
    back_off.reset()
    assert back_off.next() <= 1
