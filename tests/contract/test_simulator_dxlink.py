"""DXLink to the letter: every event type, both formats, channels, keepalive, and what a client may get wrong."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import tastytrade.dxfeed
from tastytrade.dxfeed import Greeks, Quote, Summary, TheoPrice, TimeAndSale, Trade, Underlying
from tastytrade.dxfeed.event import Event
from tastytrade.market_data import get_market_data_by_type

from senex.simulator import candles
from senex.simulator.columns import COLUMNS
from tests.contract.simulator_support import find_trident

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.contract.simulator_support import Broker

EVENTS = {
    name: one
    for name, one in inspect.getmembers(tastytrade.dxfeed, inspect.isclass)
    if issubclass(one, Event) and name in COLUMNS
}


class Line:
    """A bare DXLink client."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def say(self, kind: str, channel: int = 0, **fields: object) -> None:
        """Send a message."""
        await self.socket.send_json({"type": kind, "channel": channel, **fields})

    async def hear(self, kind: str) -> dict[str, Any]:
        """The next message of a type."""
        async with asyncio.timeout(10):
            while True:
                message: dict[str, Any] = await self.socket.receive_json()
                if message["type"] == kind:
                    return message

    async def open(self, channel: int = 1) -> None:
        """Open a feed channel."""
        await self.say("CHANNEL_REQUEST", channel, service="FEED", parameters={"contract": "AUTO"})
        await self.hear("CHANNEL_OPENED")

    async def want(self, *pairs: tuple[str, str], channel: int = 1, **fields: object) -> None:
        """Subscribe to pairs of type and symbol."""
        add = [{"type": kind, "symbol": symbol, **fields} for kind, symbol in pairs]
        await self.say("FEED_SUBSCRIPTION", channel, add=add)


@asynccontextmanager
async def connected(broker: Broker, **setup: object) -> AsyncIterator[Line]:
    """A client that has authorized itself."""
    async with broker.http.ws_connect(f"{broker.rest}/dxlink") as socket:
        line = Line(socket)
        await socket.send_json({"type": "SETUP", "channel": 0, "keepaliveTimeout": 60, **setup})
        await line.hear("AUTH_STATE")
        await line.say("AUTH", token=broker.simulator.tokens.issue("quote", 60))
        assert (await line.hear("AUTH_STATE"))["state"] == "AUTHORIZED"
        yield line


def test_the_columns_are_those_of_the_sdk() -> None:
    assert set(EVENTS) == set(COLUMNS)
    for name, event in EVENTS.items():
        properties = event.model_json_schema()["properties"]
        assert tuple(properties) == COLUMNS[name], name


async def test_every_event_type_arrives(broker: Broker) -> None:
    """Each through the SDK, from one option and its underlying."""
    trident = await find_trident(broker.session)
    put = trident.streamers[trident.put]
    async with broker.quotes() as stream:
        for event in (Greeks, TheoPrice, Quote, Trade, Summary, Underlying, TimeAndSale):
            await stream.subscribe(event, [put if event in {Greeks, TheoPrice} else "QQQ"])
        async with asyncio.timeout(10):
            greeks, theory = await stream.get_event(Greeks), await stream.get_event(TheoPrice)
            underlying, trade = await stream.get_event(Underlying), await stream.get_event(Trade)
            quote, sale = await stream.get_event(Quote), await stream.get_event(TimeAndSale)

    assert (theory.price, theory.delta) == (greeks.price, greeks.delta)
    assert quote.bid_price <= theory.underlying_price <= quote.ask_price
    assert underlying.option_volume == underlying.call_volume + underlying.put_volume
    assert 0 < underlying.front_volatility < 2
    assert (trade.price, trade.size, trade.sequence) == (sale.price, sale.size, sale.sequence)
    assert sale.bid_price <= sale.price <= sale.ask_price


async def test_time_and_sales_add_up_to_the_days_volume(broker: Broker) -> None:
    async with connected(broker) as line:
        await line.open()
        await line.want(("TimeAndSale", "QQQ"), ("Trade", "QQQ"))
        seen: dict[str, list[dict[str, Any]]] = {"TimeAndSale": [], "Trade": []}
        for _ in range(3):
            await collect(line, seen, 1)
            await broker.clock(step=4)
        await collect(line, seen, 1)

    trades, sales = seen["Trade"], seen["TimeAndSale"]
    assert len(trades) == 4
    first, last = trades[0], trades[-1]
    sold = sum(sale["size"] for sale in sales if first["sequence"] < sale["sequence"] <= last["sequence"])
    assert sold == last["dayVolume"] - first["dayVolume"] > 0
    assert all(sale["bidPrice"] <= sale["price"] <= sale["askPrice"] for sale in sales)


async def collect(line: Line, seen: dict[str, list[dict[str, Any]]], trades: int) -> None:
    """Rows by type until so many more trades and the sale of the last one have come."""
    wanted = len(seen["Trade"]) + trades
    while len(seen["Trade"]) < wanted or seen["TimeAndSale"][-1]["sequence"] < seen["Trade"][-1]["sequence"]:
        kind, flat = (await line.hear("FEED_DATA"))["data"]
        size = len(COLUMNS[kind])
        for start in range(0, len(flat), size):
            seen[kind].append(dict(zip(COLUMNS[kind], flat[start : start + size], strict=True)))


async def test_fields_and_formats_are_the_clients_choice(broker: Broker) -> None:
    async with connected(broker) as line:
        await line.open()
        fields = {"Quote": ["eventType", "askPrice", "eventSymbol", "nonsense"]}
        await line.say("FEED_SETUP", 1, acceptEventFields=fields, acceptAggregationPeriod=0.5)
        config = await line.hear("FEED_CONFIG")
        await line.want(("Quote", "QQQ"), ("Quote", "SPY"))
        compact = (await line.hear("FEED_DATA"))["data"]
        await line.open(3)
        await line.say("FEED_SETUP", 3, acceptEventFields=fields, acceptDataFormat="FULL")
        await line.want(("Quote", "QQQ"), ("Quote", "SPY"), channel=3)
        full = (await line.hear("FEED_DATA"))["data"]

    known = ["eventType", "askPrice", "eventSymbol"]
    assert (config["aggregationPeriod"], config["eventFields"]) == (0.5, {"Quote": known})
    assert compact[0] == "Quote"
    assert (compact[1][0], compact[1][2], compact[1][3], compact[1][5]) == ("Quote", "QQQ", "Quote", "SPY")
    assert full == [dict(zip(known, compact[1][start : start + 3], strict=True)) for start in (0, 3)]


async def test_one_channel_may_carry_several_types_and_a_reset_forgets_them(broker: Broker) -> None:
    async with connected(broker) as line:
        await line.open()
        await line.want(("Quote", "QQQ"), ("Profile", "QQQ"), ("Quote", "NOSUCH"), ("Nonsense", "QQQ"))
        kinds = {(await line.hear("FEED_DATA"))["data"][0] for _ in range(2)}
        await line.say("FEED_SUBSCRIPTION", 1, reset=True, add=[{"type": "Quote", "symbol": "SPY"}])
        await broker.clock(step=1)
        rest = [(await line.hear("FEED_DATA"))["data"] for _ in range(1)]

    assert kinds == {"Quote", "Profile"}
    assert [(kind, flat[0], len(flat)) for kind, flat in rest] == [("Quote", "SPY", len(COLUMNS["Quote"]))]


async def test_a_subscription_may_come_before_the_setup(broker: Broker) -> None:
    async with connected(broker) as line:
        await line.open()
        await line.want(("Quote", "QQQ"))
        first = (await line.hear("FEED_DATA"))["data"][1]
        await line.say("FEED_SETUP", 1, acceptEventFields={"Quote": ["eventSymbol"]})
        await line.hear("FEED_CONFIG")
        await broker.clock(step=1)

        assert len(first) == len(COLUMNS["Quote"])
        assert (await line.hear("FEED_DATA"))["data"][1] == ["QQQ"]


async def test_quotes_are_conflated_to_the_aggregation_period(broker: Broker) -> None:
    async with connected(broker) as line:
        await line.open()
        await line.say(
            "FEED_SETUP", 1, acceptEventFields={"Quote": ["sequence"]}, acceptAggregationPeriod=0.3
        )
        await line.want(("Quote", "QQQ"))
        assert (await line.hear("FEED_DATA"))["data"][1] == [0]
        for _ in range(5):
            state = await broker.clock(step=1)
        told = (await line.hear("FEED_DATA"))["data"][1]

    assert told == [state["sequence"]]


_BARS = {"type": "Candle", "symbol": "QQQ{=5m}"}


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({"type": "FEED_SUBSCRIPTION", "channel": 9, "add": []}, "BAD_ACTION"),
        ({"type": "CHANNEL_REQUEST", "channel": 9, "service": "DOM"}, "BAD_ACTION"),
        ({"type": "CHANNEL_REQUEST", "channel": -1, "service": "FEED"}, "BAD_ACTION"),
        ({"type": "FEED_SUBSCRIPTION", "channel": 1, "add": [{"symbol": "QQQ"}]}, "INVALID_MESSAGE"),
        ({"type": "FEED_SUBSCRIPTION", "channel": 1, "add": 7}, "INVALID_MESSAGE"),
        (
            {"type": "FEED_SUBSCRIPTION", "channel": 1, "add": [{**_BARS, "fromTime": float("inf")}]},
            "INVALID_MESSAGE",
        ),
        ({"type": "FEED_SETUP", "channel": 1, "acceptAggregationPeriod": "x"}, "INVALID_MESSAGE"),
        ({"type": "FEED_SETUP", "channel": 1, "acceptEventFields": [1]}, "INVALID_MESSAGE"),
        ({"type": "WHAT", "channel": 1}, "UNSUPPORTED_MESSAGE"),
    ],
)
async def test_a_channels_mistake_is_an_error_and_the_connection_lives(
    broker: Broker, message: dict[str, object], error: str
) -> None:
    async with connected(broker) as line:
        await line.open()
        await line.socket.send_json(message)
        told = await line.hear("ERROR")
        await line.want(("Quote", "QQQ"))

        assert (told["channel"], told["error"]) == (message["channel"], error)
        assert (await line.hear("FEED_DATA"))["data"][0] == "Quote"


async def test_authorization_is_told_once_and_needed(broker: Broker) -> None:
    token = broker.simulator.tokens.issue("quote", 60)
    async with connected(broker) as line:
        await line.say("AUTH", token=token)
        await line.say("SETUP", version="again")
        await line.say("KEEPALIVE")
        kinds = [(await line.socket.receive_json())["type"] for _ in range(2)]
    assert kinds == ["SETUP", "KEEPALIVE"]

    async with broker.http.ws_connect(f"{broker.rest}/dxlink") as socket:
        line = Line(socket)
        await line.say("SETUP")
        await line.say("CHANNEL_REQUEST", 1, service="FEED")
        assert (await line.hear("ERROR"))["error"] == "UNAUTHORIZED"
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE


async def test_a_silent_client_is_kept_alive_then_dropped(broker: Broker) -> None:
    async with connected(broker, keepaliveTimeout=0.2) as line:
        assert (await line.hear("KEEPALIVE"))["channel"] == 0
        assert (await line.hear("ERROR"))["error"] == "TIMEOUT"
        assert (await line.socket.receive()).type is aiohttp.WSMsgType.CLOSE


async def test_a_cancelled_channel_closes_and_its_number_is_free(broker: Broker) -> None:
    async with connected(broker) as line:
        await line.open()
        await line.want(("Quote", "QQQ"))
        await line.hear("FEED_DATA")
        await line.say("CHANNEL_CANCEL", 1)
        assert (await line.hear("CHANNEL_CLOSED"))["channel"] == 1
        assert broker.server.services.feed.listeners == set()

        await line.open()
        await line.want(("Quote", "SPY"))
        assert (await line.hear("FEED_DATA"))["data"][1][0] == "SPY"


async def test_a_client_that_does_not_read_is_sent_the_newest_only(broker: Broker) -> None:
    """What waits for it is bounded by what it subscribed to, however long it sleeps."""
    names = [f"{symbol}" for symbol in ("QQQ", "SPY", "AAPL")]
    async with connected(broker) as line:
        await line.open()
        await line.say("FEED_SETUP", 1, acceptEventFields={"Quote": ["eventSymbol", "sequence"]})
        await line.want(*(("Quote", name) for name in names))
        await line.hear("FEED_DATA")
        await broker.fault(endpoint="dxlink", mode="freeze")
        await broker.clock(step=500)
        await broker.fault(endpoint="dxlink", mode="thaw")
        flat: list[Any] = []
        while 500 not in flat:
            flat = (await line.hear("FEED_DATA"))["data"][1]

    assert dict(zip(flat[::2], flat[1::2], strict=True)) == dict.fromkeys(names, 500)


# -- candles ------------------------------------------------------------------------------------------

NINE_FIFTY = int(datetime(2026, 6, 2, 13, 50, tzinfo=UTC).timestamp() * 1000)


async def snapshot(line: Line, symbol: str, since: int) -> list[dict[str, Any]]:
    """A candle subscription's snapshot, newest first."""
    await line.want(("Candle", symbol), fromTime=since)
    rows: list[dict[str, Any]] = []
    while not rows or not rows[-1]["eventFlags"] & (candles.END | candles.SNIP):
        rows += await candle_rows(line)
    return rows


async def candle_rows(line: Line) -> list[dict[str, Any]]:
    """The candles of the next frame."""
    columns = COLUMNS["Candle"]
    flat = (await line.hear("FEED_DATA"))["data"][1]
    return [
        dict(zip(columns, flat[start : start + len(columns)], strict=True))
        for start in range(0, len(flat), len(columns))
    ]


async def test_a_snapshot_is_one_transaction_and_the_last_candle_grows_then_rolls(broker: Broker) -> None:
    async with connected(broker) as line:
        await line.open()
        await broker.clock(step=4)
        first = await snapshot(line, "QQQ{=5m,tho=true}", NINE_FIFTY)
        await broker.clock(step=4 * 60)
        grown = await candle_rows(line)
        await broker.clock(step=4 * 60 * 4 + 8)
        rolled = await candle_rows(line)

    minutes = [datetime.fromtimestamp(one["time"] / 1000, UTC).strftime("%H:%M") for one in first]
    assert minutes == ["14:00", "13:55", "13:50"]
    assert [one["eventFlags"] for one in first] == [
        candles.BEGIN | candles.PENDING, candles.PENDING, candles.END,
    ]  # fmt: skip
    assert [one["time"] - first[0]["time"] for one in grown] == [0]
    assert grown[0]["volume"] > first[0]["volume"]
    assert [one["time"] - first[0]["time"] for one in rolled] == [0, 300_000]
    assert rolled[0]["volume"] > grown[0]["volume"]
    assert {one["eventFlags"] for one in grown + rolled} == {0}


async def test_candles_of_any_period_add_up(broker: Broker) -> None:
    opened = int(datetime(2026, 6, 2, 13, 30, tzinfo=UTC).timestamp() * 1000)
    async with connected(broker) as line:
        await line.open()
        days = await snapshot(line, "QQQ{=d,tho=true}", opened)
        for period in ("15s", "1m", "5m", "1h"):
            parts = await snapshot(line, f"QQQ{{={period},tho=true}}", opened)
            assert sum(one["volume"] for one in parts) == days[0]["volume"], period
            assert max(one["high"] for one in parts) == days[0]["high"], period
            assert min(one["low"] for one in parts) == days[0]["low"], period
            assert (parts[-1]["open"], parts[0]["close"]) == (days[0]["open"], days[0]["close"]), period


async def test_an_empty_history_is_an_empty_snapshot_and_nonsense_is_silent(broker: Broker) -> None:
    later = int(datetime(2026, 6, 3, tzinfo=UTC).timestamp() * 1000)
    async with connected(broker) as line:
        await line.open()
        for nonsense in ("QQQ{=7y}", "QQQ{=99999999999d}", "NOSUCH{=5m}", "QQQ{5m}", "QQQ{=5m", "{=5m}"):
            await line.want(("Candle", nonsense), fromTime=NINE_FIFTY)
        (empty,) = await snapshot(line, "QQQ{=5m,tho=true}", later)
        assert empty["eventFlags"] == candles.BEGIN | candles.END | candles.REMOVE
        await line.say("FEED_SUBSCRIPTION", 1, remove=[{"type": "Candle", "symbol": "QQQ{=5m,tho=true}"}])
        (one, *_) = await snapshot(line, "SPY{=5m}", NINE_FIFTY)
        await broker.clock(step=8)
        assert {row["eventSymbol"] for row in [one, *await candle_rows(line)]} == {"SPY{=5m}"}


async def test_a_history_that_is_too_long_is_snipped(broker: Broker) -> None:
    weeks = int(datetime(2026, 5, 11, tzinfo=UTC).timestamp() * 1000)
    async with connected(broker) as line:
        await line.open()
        rows = await snapshot(line, "QQQ{=1m,tho=true}", weeks)
    assert len(rows) == candles.HISTORY
    assert rows[-1]["eventFlags"] == candles.SNIP


async def test_futures_and_coins_stream_in_their_own_units(broker: Broker) -> None:
    names = ["/ESM26:XCME", "BTC/USD:CXTALP"]
    async with broker.quotes() as stream:
        await stream.subscribe(Quote, names)
        await stream.subscribe(Summary, names)
        async with asyncio.timeout(10):
            quotes = {one.event_symbol: one for one in [await stream.get_event(Quote) for _ in names]}
            days = {one.event_symbol: one for one in [await stream.get_event(Summary) for _ in names]}
        rest = await get_market_data_by_type(broker.session, futures=["/ESM6"], cryptocurrencies=["BTC/USD"])
    assert {(one.bid, one.ask) for one in rest} == {(one.bid_price, one.ask_price) for one in quotes.values()}
    for name in names:
        low, high = days[name].day_low_price, days[name].day_high_price
        assert low is not None
        assert high is not None
        assert low <= quotes[name].ask_price
        assert quotes[name].bid_price <= high
