"""Five consoles on the bus at 20,000 quotes a second from the broker.

They come in as the feed's rows, forty a second of each of 500 symbols, the budget; the streamer's book keeps the
newest of each and its flusher sends what changed: all, each time. Beside it: one console alone.
"""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import time
from typing import Never

from bench._painter import SystemClock
from bench._row import Row, print_rows
from bench._running import open_folder
from daemon.embedded import EmbeddedServices
from daemon.streaming.flusher import EVERY, Flusher
from senex.broker.book import QuoteBook
from senex.bus.connection import open_redis
from senex.bus.publisher import QuoteWriter

CONSOLES, SECONDS = 5, 6.0
SYMBOLS = [f".QQQ251219P{500 + index}" for index in range(500)]
A_SECOND, AT_ONCE = 20_000, 100
"""Quotes, and how many of them in one message of the feed."""


async def feed(book: QuoteBook) -> Never:
    """What the broker sends."""
    due, sent = time.monotonic(), 0
    while True:
        rows: list[object] = []
        for number in range(sent, sent + AT_ONCE):
            bid = (100 + number * 7 % 900) / 100
            rows += [SYMBOLS[number % len(SYMBOLS)], 0, number, 0, 0, "Q", 0, "Q", bid, bid + 0.05, 10, 12]
        book.take(["Quote", rows])
        sent += AT_ONCE
        due += AT_ONCE / A_SECOND
        await asyncio.sleep(max(due - time.monotonic(), 0))


async def run(consoles: int, daemon_url: str, console_url: str) -> tuple[list[dict[str, float]], float]:
    """So many followers, and quotes for as long as they live; what they say, and quotes a second."""
    gc.freeze()  # as the streamer does
    book = QuoteBook(SystemClock())
    book.want(frozenset(SYMBOLS))
    book.begin()
    command = [sys.executable, "-m", "bench._listener", console_url, str(SECONDS)]
    listening = [
        await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE) for _ in range(consoles)
    ]
    begun = time.monotonic()
    streaming = [
        asyncio.create_task(each)
        for each in (feed(book), Flusher(book, QuoteWriter(open_redis(daemon_url))).run())
    ]
    told = [(await each.communicate())[0] for each in listening]
    rate = book.received / (time.monotonic() - begun)
    for each in streaming:
        each.cancel()
    return [json.loads(each) for each in told], rate


def main() -> None:
    with open_folder() as root, EmbeddedServices("bench", root=root) as endpoints:
        urls = endpoints.redis.daemon_url(), endpoints.redis.console_url()
        [alone], _ = asyncio.run(run(1, *urls))
        five, rate = asyncio.run(run(CONSOLES, *urls))
    processor = max(each["cpu_percent"] for each in five)
    age = max(each["p99_ms"] for each in five)
    oldest = EVERY * 1000 + 10
    print_rows(
        Row(
            row=f"quotes → {CONSOLES} consoles",
            ours=f"{processor:.1f} % of a core each, a quote's age p99 {age:.0f} ms at {rate:.0f}/s",
            other=f"one alone {alone['cpu_percent']:.1f} %, p99 {alone['p99_ms']:.0f} ms",
            ratio=f"{processor / alone['cpu_percent']:.1f}×",
            bar=f"≤ 5 % each, p99 ≤ a frame + 10 = {oldest:.0f} ms",
            within=processor <= 5 and age <= oldest and rate >= 0.95 * A_SECOND,
            figures={
                "cpu_percent": processor,
                "p99_ms": age,
                "quotes_per_second": rate,
                "alone_percent": alone["cpu_percent"],
            },
        )
    )


if __name__ == "__main__":
    main()
