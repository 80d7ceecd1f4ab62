"""Quotes of the simulator to one client, against a bare server that sends the same frames.

Both servers run in a process of their own; the client counts rows it decoded
with orjson. The simulator computes, compares and encodes what it sends at 60
times the speed of the market; the bare server repeats one frame.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import aiohttp
import orjson
from aiohttp import WSMsgType, web

from bench._row import Row, print_rows
from bench._simulated import simulator
from senex.simulator.columns import COLUMNS

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from bench._simulated import Started

SYMBOLS, SECONDS, ROUNDS, BAR = 3_000, 3.0, 3, 20_000
HASTE = aiohttp.ClientWSTimeout(ws_close=0.1)
WIDTH = len(COLUMNS["Quote"])


async def names(session: aiohttp.ClientSession, started: Started) -> tuple[list[str], str]:
    """Streamer symbols of a chain, and a quote token."""
    body = {"grant_type": "refresh_token", "client_secret": started.secret, "refresh_token": started.refresh}
    async with session.post(f"{started.rest}/oauth/token", json=body) as answer:
        headers = {"Authorization": f"Bearer {(await answer.json())['access_token']}"}
    async with session.get(f"{started.rest}/option-chains/QQQ/nested", headers=headers) as answer:
        (chain, *_) = (await answer.json())["data"]["items"]
    async with session.get(f"{started.rest}/api-quote-tokens", headers=headers) as answer:
        token = (await answer.json())["data"]["token"]
    found = [
        strike[side]
        for expiration in chain["expirations"]
        for strike in expiration["strikes"]
        for side in ("call-streamer-symbol", "put-streamer-symbol")
    ]
    return ["QQQ", *found[: SYMBOLS - 1]], str(token)


async def rows_per_second(socket: aiohttp.ClientWebSocketResponse) -> float:
    """Decoded rows per second for a while."""
    rows, began = 0, time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        message = await socket.receive(10)
        if message.type is WSMsgType.TEXT:
            body = orjson.loads(message.data)
            rows += len(body["data"][1]) // WIDTH if body["type"] == "FEED_DATA" else 0
    return rows / (time.perf_counter() - began)


async def ours(started: Started) -> tuple[float, float]:
    """Quotes per second of the simulator, and per second of its processor."""
    async with aiohttp.ClientSession() as session:
        symbols, token = await names(session, started)
        async with session.ws_connect(f"{started.rest}/dxlink", timeout=HASTE) as socket:
            await socket.send_json({"type": "SETUP", "channel": 0})
            await socket.send_json({"type": "AUTH", "channel": 0, "token": token})
            await socket.send_json({"type": "CHANNEL_REQUEST", "channel": 7, "service": "FEED"})
            await socket.send_json({"type": "FEED_SETUP", "channel": 7, "acceptAggregationPeriod": 0.0})
            for start in range(0, len(symbols), 1000):
                add = [{"type": "Quote", "symbol": name} for name in symbols[start : start + 1000]]
                await socket.send_json({"type": "FEED_SUBSCRIPTION", "channel": 7, "add": add})
            await rows_per_second(socket)
            used = started.usage()[0]
            speed = await rows_per_second(socket)
            return speed, speed * SECONDS / (started.usage()[0] - used)


async def bare(url: str) -> float:
    """Rows per second of the bare server."""
    async with aiohttp.ClientSession() as session, session.ws_connect(url, timeout=HASTE) as socket:
        return await rows_per_second(socket)


def serve(pipe: Connection) -> None:
    """A server that repeats one frame."""
    asyncio.run(_serve(pipe))


async def _serve(pipe: Connection) -> None:
    at = int(datetime(2026, 6, 2, 14, tzinfo=UTC).timestamp() * 1000)
    row = [".QQQ260710P500", 0, 1, 0, at, "Q", at, "Q", 1.15, 1.2, 10, 12]
    frame = orjson.dumps({"type": "FEED_DATA", "channel": 7, "data": ["Quote", row * 600]})

    async def feed(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        until = time.perf_counter() + SECONDS + 1
        with suppress(ConnectionError):
            while time.perf_counter() < until:  # a client that closes reads to the end
                await socket.send_frame(frame, WSMsgType.TEXT)
                await asyncio.sleep(0)
        return socket

    app = web.Application()
    app.router.add_get("/", feed)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    pipe.send(f"http://127.0.0.1:{runner.addresses[0][1]}")
    await asyncio.Event().wait()


def main() -> None:
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    server.start()
    url = here.recv()
    found, ceiling = [], []
    with simulator(speed=60.0) as started:
        for _ in range(ROUNDS):
            found.append(asyncio.run(ours(started)))
            ceiling.append(asyncio.run(bare(url)))
    server.kill()
    speed = statistics.median(each[0] for each in found)
    core = statistics.median(each[1] for each in found)
    top = statistics.median(ceiling)
    print_rows(
        Row(
            row="simulator: quotes to one client",
            ours=f"{speed / 1000:.0f}k quotes/s ({core / 1000:.0f}k per core second)",
            other=f"bare server {top / 1000:.0f}k",
            ratio=f"{speed / top:.2f}×",
            bar=f"≥ {BAR // 1000}k quotes/s",
            within=core >= BAR,
            figures={
                "per_second": round(speed),
                "per_core_second": round(core),
                "bare_per_second": round(top),
            },
        )
    )


if __name__ == "__main__":
    main()
