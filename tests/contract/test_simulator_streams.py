"""DXLink and the market clock of the simulator, with the SDK's streamer and a bare WebSocket."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from time import process_time
from typing import TYPE_CHECKING

import pytest
from tastytrade.dxfeed import Candle, Greeks, Profile, Quote, Summary, Trade
from tastytrade.instruments import NestedOptionChain
from tastytrade.market_data import get_market_data_by_type

from senex.simulator.channel import Channel
from tests.contract.simulator_support import find_trident
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from tastytrade import DXLinkStreamer

    from tests.contract.simulator_support import Broker

LIMIT = 65_536
"""A WebSocket message longer than this ends the SDK's streamer."""


async def quotes_until(stream: DXLinkStreamer, marker: str, sequence: int) -> dict[str, Quote]:
    """The newest quote by symbol, once the marker's sequence has come."""
    newest: dict[str, Quote] = {}
    async with asyncio.timeout(PATIENCE):
        async for quote in stream.listen(Quote):
            newest[quote.event_symbol] = quote
            if quote.event_symbol == marker and quote.sequence >= sequence:
                return newest
    raise AssertionError


async def candles(stream: DXLinkStreamer, symbol: str, since: datetime) -> list[Candle]:
    """A snapshot of daily candles, newest first."""
    await stream.subscribe_candle([symbol], "1d", since)
    found = []
    async with asyncio.timeout(PATIENCE):
        async for candle in stream.listen(Candle):
            found.append(candle)
            if candle.snapshot_end:
                return found
    raise AssertionError


async def test_every_tick_changes_the_underlying_and_its_sequence_is_the_tick(broker: Broker) -> None:
    async with broker.quotes() as stream:
        await stream.subscribe(Quote, ["QQQ"], 0.01)
        seen = [await stream.get_event(Quote)]
        for _ in range(8):
            state = await broker.clock(step=1)
            seen.append((await quotes_until(stream, "QQQ", state["sequence"]))["QQQ"])

    assert [quote.sequence for quote in seen] == list(range(9))
    markets = [(quote.bid_price, quote.ask_price, quote.bid_size, quote.ask_size) for quote in seen]
    assert all(before != after for before, after in itertools.pairwise(markets))


async def test_rest_and_stream_show_one_market(broker: Broker) -> None:
    trident = await find_trident(broker.session)
    names = list(trident.streamers.values())
    async with broker.quotes() as stream:
        await stream.subscribe(Quote, ["QQQ", *names])
        await broker.clock(speed=10)
        await quotes_until(stream, "QQQ", 20)
        state = await broker.clock(speed=0)
        await stream.subscribe(Quote, ["QQQ", *names])  # again: the current quote of each comes once more
        over_rest = await get_market_data_by_type(broker.session, equities=["QQQ"], options=trident.symbols)
        wanted = {trident.streamers.get(quote.symbol, quote.symbol): quote.mark for quote in over_rest}
        newest: dict[str, Quote] = {}
        async with asyncio.timeout(60):
            while {name: quote.mid_price for name, quote in newest.items()} != wanted:
                quote = await stream.get_event(Quote)
                newest[quote.event_symbol] = quote

    assert newest["QQQ"].sequence == state["sequence"]


async def test_a_paused_market_stands_still(broker: Broker) -> None:
    for _ in range(40):
        await broker.clock(speed=60)
        frozen = await broker.clock(speed=0)
        elapsed = datetime.fromisoformat(frozen["instant"]) - datetime(2026, 6, 2, 14, tzinfo=UTC)

        assert frozen["speed"] == 0
        assert frozen["sequence"] == elapsed // timedelta(milliseconds=250)  # no tick is left to come
        async with broker.http.get(f"{broker.rest}/clock") as answer:
            assert await answer.json() == frozen


async def test_greeks_trades_summaries_and_profiles_agree_with_the_quotes(broker: Broker) -> None:
    trident = await find_trident(broker.session)
    put, call = trident.streamers[trident.put], trident.streamers[trident.call]
    async with broker.quotes() as stream:
        await stream.subscribe(Greeks, [put, call])
        await stream.subscribe(Quote, [put, call, "QQQ"])
        await stream.subscribe(Trade, ["QQQ"])
        await stream.subscribe(Summary, ["QQQ"])
        await stream.subscribe(Profile, ["QQQ"])
        greeks = {one.event_symbol: one for one in [await stream.get_event(Greeks) for _ in range(2)]}
        quotes = {one.event_symbol: one for one in [await stream.get_event(Quote) for _ in range(3)]}
        trade, summary = await stream.get_event(Trade), await stream.get_event(Summary)
        profile = await stream.get_event(Profile)

    for name in (put, call):
        assert quotes[name].bid_price <= greeks[name].price <= quotes[name].ask_price
    assert greeks[call].delta - greeks[put].delta == pytest.approx(Decimal(1), abs=Decimal("0.01"))
    assert greeks[call].volatility == greeks[put].volatility
    assert quotes["QQQ"].bid_price <= trade.price <= quotes["QQQ"].ask_price
    assert summary.day_low_price is not None
    assert summary.day_high_price is not None
    assert summary.day_low_price <= trade.price <= summary.day_high_price
    assert profile.high_52_week_price is not None


async def test_daily_candles_lead_up_to_the_quote(broker: Broker) -> None:
    async with broker.quotes() as stream:
        found = await candles(stream, "QQQ", datetime(2025, 6, 1, tzinfo=UTC))
        await stream.subscribe(Quote, ["QQQ"])
        await stream.subscribe(Summary, ["QQQ"])
        quote, summary = await stream.get_event(Quote), await stream.get_event(Summary)

    days = [datetime.fromtimestamp(one.time / 1000, UTC).date() for one in found]
    assert days == sorted(days, reverse=True)
    assert days[0] == date(2026, 6, 2)
    assert len(found) >= 120
    assert found[0].snapshot_begin
    assert abs(found[0].close - quote.mid_price) <= Decimal("0.02")
    assert found[1].close == summary.prev_day_close_price
    assert all(one.low <= min(one.open, one.close) <= max(one.open, one.close) <= one.high for one in found)
    closes = [one.close for one in found]
    assert all(abs(new / old - 1) < Decimal("0.04") for new, old in itertools.pairwise(closes))


async def test_a_whole_chain_arrives_in_frames_the_sdk_can_take(broker: Broker) -> None:
    chain = (await NestedOptionChain.get(broker.session, "QQQ"))[0]
    names = [
        name
        for one in chain.expirations
        for strike in one.strikes
        for name in (strike.call_streamer_symbol, strike.put_streamer_symbol)
    ]
    async with broker.quotes() as stream:
        for start in range(0, len(names), 1000):
            await stream.subscribe(Quote, names[start : start + 1000])
            await stream.subscribe(Greeks, names[start : start + 1000])
        seen: set[str] = set()
        async with asyncio.timeout(PATIENCE):
            while len(seen) < len(names):
                seen.add((await stream.get_event(Quote)).event_symbol)

    assert seen == set(names)


async def test_what_was_unsubscribed_is_not_sent(broker: Broker) -> None:
    async with broker.quotes() as other, broker.quotes() as stream:
        await other.subscribe(Quote, ["SPY"])
        await other.get_event(Quote)
        await stream.subscribe(Quote, ["QQQ", "SPY"])
        await stream.unsubscribe(Quote, ["SPY"])
        await quotes_until(stream, "QQQ", (await broker.clock(step=1))["sequence"])
        newest = await quotes_until(stream, "QQQ", (await broker.clock(step=1))["sequence"])

    assert set(newest) == {"QQQ"}


async def test_a_wrong_quote_token_is_an_error_and_the_end(broker: Broker) -> None:
    async with broker.http.ws_connect(f"{broker.rest}/dxlink") as socket:
        await socket.send_json({"type": "SETUP", "channel": 0})
        await socket.send_json({"type": "AUTH", "channel": 0, "token": "no"})
        seen = [await socket.receive_json() for _ in range(3)]

        assert [one["type"] for one in seen] == ["SETUP", "AUTH_STATE", "ERROR"]
        assert (await socket.receive()).type.name == "CLOSE"


async def test_the_clock_pushes_on_connect_on_change_and_every_second(broker: Broker) -> None:
    async with broker.http.ws_connect(f"{broker.rest}/clock") as socket:
        first = await socket.receive_json()
        await broker.clock(speed=2)
        while (second := await socket.receive_json())["speed"] != 2:
            pass  # the second's push may come first
        third = await socket.receive_json(timeout=PATIENCE)

    assert first["speed"] == 0
    assert first["timeline"] == third["timeline"]
    instants = [datetime.fromisoformat(one["instant"]) for one in (first, second, third)]
    assert instants[0] == datetime(2026, 6, 2, 14, tzinfo=UTC)
    assert instants[2] - instants[1] > timedelta(seconds=1)
    assert first["session"] == {
        "date": "2026-06-02",
        "open": "2026-06-02T13:30:00+00:00",
        "close": "2026-06-02T20:00:00+00:00",
    }


@pytest.mark.parametrize("body", [{"speed": -1}, {"speed": 1000}, {"speed": "fast"}, {"step": "x"}])
async def test_a_senseless_clock_setting_is_refused(broker: Broker, body: dict[str, object]) -> None:
    async with broker.http.post(f"{broker.rest}/clock", json=body) as answer:
        assert answer.status == 400


async def test_a_running_clock_is_not_stepped(broker: Broker) -> None:
    await broker.clock(speed=1)
    async with broker.http.post(f"{broker.rest}/clock", json={"step": 1}) as answer:
        assert answer.status == 409


async def test_options_stand_still_when_the_market_is_closed(broker: Broker) -> None:
    trident = await find_trident(broker.session)
    await broker.clock(to="2026-06-02T20:15:00+00:00")
    evening = await get_market_data_by_type(broker.session, options=trident.symbols)
    await broker.clock(to="2026-06-03T08:00:00+00:00")
    morning = await get_market_data_by_type(broker.session, options=trident.symbols)
    await broker.clock(to="2026-06-03T15:00:00+00:00")
    later = await get_market_data_by_type(broker.session, options=trident.symbols)

    assert [one.mark for one in evening] == [one.mark for one in morning]
    assert [one.mark for one in later] != [one.mark for one in morning]


async def test_rows_that_wait_are_not_overtaken_by_newer_ones(broker: Broker) -> None:
    sent: list[str] = []
    gate = asyncio.Event()

    async def send(kind: str, _: bytes) -> None:
        sent.append(kind)
        await gate.wait()

    channel = Channel(1, broker.server.services.feed, send)
    channel.subscribe({"add": [{"type": kind, "symbol": "QQQ"} for kind in ("Quote", "Trade")]})
    first = asyncio.create_task(channel.flush())
    await asyncio.sleep(0)
    channel.subscribe({"add": [{"type": "Quote", "symbol": "QQQ"}]})
    second = asyncio.create_task(channel.flush())
    await asyncio.sleep(0)
    assert sent == ["Quote"]
    gate.set()
    await asyncio.gather(first, second)
    await channel.stop()
    assert sent == ["Quote", "Trade", "Quote"]


def test_a_client_with_many_symbols_leaves_at_once(broker: Broker) -> None:
    board = broker.simulator.exchange.board
    symbols = [f"S{number}" for number in range(20_000)]
    board.watch(symbols)
    began = process_time()
    for symbol in symbols:
        board.unwatch([symbol])
    assert process_time() - began < 2.0


async def test_a_market_that_fails_is_heard_of(broker: Broker) -> None:
    heard = asyncio.Event()
    asyncio.get_running_loop().set_exception_handler(lambda _, __: heard.set())

    def fail() -> None:
        raise ArithmeticError

    await broker.clock(speed=60)
    broker.simulator.exchange.on_tick = fail
    async with asyncio.timeout(PATIENCE):
        await heard.wait()
