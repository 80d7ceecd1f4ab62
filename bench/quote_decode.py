"""The feed's socket to the newest quote per symbol: our reader against the SDK's ``listen``.

Both are the SDK's session and socket on the same server in another process. It
sends a fixed number of messages; what counts is the time until the last quote
was seen.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import statistics
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web
from tastytrade import DXLinkStreamer
from tastytrade.dxfeed import Quote

from bench._row import Row, print_rows
from senex.broker.book import QUOTE_COLUMNS
from senex.broker.session import BrokerAccess, open_session
from senex.broker.streams import QuoteStream
from senex.testing.clock import ManualClock

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

SYMBOLS, MESSAGES, ROUNDS = 200, 300, 5
ALL = SYMBOLS * MESSAGES
NAMES = [f".QQQ260710P{500 + index}" for index in range(SYMBOLS)]


def serve(pipe: Connection) -> None:
    """A feed that never stops sending."""
    asyncio.run(_serve(pipe))


async def _serve(pipe: Connection) -> None:
    base = ""

    async def token(_: web.Request) -> web.Response:
        return web.json_response({"access_token": "a", "expires_in": 900})

    async def quote_token(_: web.Request) -> web.Response:
        return web.json_response({"data": {"token": "q", "dxlink-url": f"ws{base[4:]}/dxlink"}})

    app = web.Application()
    app.router.add_post("/oauth/token", token)
    app.router.add_get("/api-quote-tokens", quote_token)
    app.router.add_get("/dxlink", _feed)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    pipe.send(base)
    await asyncio.Event().wait()


async def _feed(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    async for message in socket:
        if message.type is not WSMsgType.TEXT:
            break
        told = json.loads(message.data)
        if told["type"] == "SETUP":
            await socket.send_json({"type": "AUTH_STATE", "state": "UNAUTHORIZED"})
        elif told["type"] == "AUTH":
            await socket.send_json({"type": "AUTH_STATE", "state": "AUTHORIZED"})
        elif told["type"] == "CHANNEL_REQUEST":
            await socket.send_json({"type": "CHANNEL_OPENED", "channel": told["channel"]})
        elif told["type"] == "FEED_SUBSCRIPTION" and told["channel"] == 7:
            await _pump(socket)
    return socket


async def _pump(socket: web.WebSocketResponse) -> None:
    flat: list[Any] = []
    for name in NAMES:
        row = dict.fromkeys(QUOTE_COLUMNS, 0) | {"eventSymbol": name, "bidPrice": 1.15, "askPrice": 1.2}
        row |= {"bidExchangeCode": "Q", "askExchangeCode": "Q", "bidSize": 10, "askSize": 12}
        flat += [row[column] for column in QUOTE_COLUMNS]
    text = json.dumps({"type": "FEED_DATA", "channel": 7, "data": ["Quote", flat]})
    for _ in range(MESSAGES):
        await socket.send_str(text)


async def ours(access: BrokerAccess) -> float:
    """Quotes per second into the book, drained a hundred times a second."""
    async with open_session(access) as session:
        stream = QuoteStream(session, clock=ManualClock(datetime(2026, 6, 2, tzinfo=UTC)))
        stream.want(frozenset(NAMES))
        task = asyncio.create_task(stream.run())
        while not stream.book.received:  # noqa: ASYNC110  measured without a hook in what is measured
            await asyncio.sleep(0)
        began, first = time.perf_counter(), stream.book.received
        while stream.book.received < ALL:
            await asyncio.sleep(0.01)
            stream.book.drain()
        speed = (ALL - first) / (time.perf_counter() - began)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return speed


async def theirs(access: BrokerAccess) -> float:
    """Quotes per second out of the SDK's own iterator."""
    async with open_session(access) as session, DXLinkStreamer(session) as streamer:
        await streamer.subscribe(Quote, NAMES)
        count, began = 0, 0.0
        async for _ in streamer.listen(Quote):
            began = began or time.perf_counter()
            count += 1
            if count == ALL:
                break
        return count / (time.perf_counter() - began)


async def measure(base: str) -> tuple[float, float]:
    """Medians of both, taken in turns."""
    access = BrokerAccess("simulated", "secret", "token", base, base)
    found = [(await ours(access), await theirs(access)) for _ in range(ROUNDS)]
    return statistics.median(each[0] for each in found), statistics.median(each[1] for each in found)


def main() -> None:
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    server.start()
    try:
        fast, slow = asyncio.run(measure(here.recv()))
    finally:
        server.kill()
    print_rows(
        Row(
            row="DXLink → newest quote",
            ours=f"{fast / 1000:.0f}k quotes/s",
            other=f"SDK listen {slow / 1000:.0f}k",
            ratio=f"{fast / slow:.1f}×",
            bar="≥ 8×",
            within=fast / slow >= 8,
            figures={"ours_per_second": round(fast), "sdk_per_second": round(slow)},
        )
    )


if __name__ == "__main__":
    main()
