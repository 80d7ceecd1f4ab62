"""Quotes into Redis: one framed flush of a hundred against two round trips a quote."""

from __future__ import annotations

import asyncio
import shutil
import statistics
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from bench._row import Row, print_rows
from daemon.embedded import EmbeddedServices
from senex.bus import codec, keys
from senex.bus.codec import Pulse
from senex.bus.connection import open_redis
from senex.bus.publisher import QuoteWriter
from senex.domain.quotes import Quote

if TYPE_CHECKING:
    from redis.asyncio import Redis

FLUSH, ROUNDS = 100, 15
AT = datetime(2026, 6, 2, 14, tzinfo=UTC)
PULSE = Pulse("bench", 0, 0, connected=True, last_inbound=AT)
QUOTES = [
    Quote(
        f".QQQ260710P{500 + index}",
        Decimal(100 + index) / 100,
        Decimal(105 + index) / 100,
        Decimal(3),
        Decimal(4),
        index,
        AT,
    )
    for index in range(FLUSH)
]


async def framed(redis: Redis, number: int) -> float:
    """Quotes per second of ten flushes as the streamer makes them."""
    writer, began = QuoteWriter(redis), time.perf_counter()
    for flush in range(10):
        await writer.write(replace(PULSE, frame=number * 10 + flush), QUOTES, ())
    return 10 * FLUSH / (time.perf_counter() - began)


async def single(redis: Redis) -> float:
    """Quotes per second with a write and a message of its own for each."""
    began = time.perf_counter()
    for quote in QUOTES:
        row = codec.encode_quote(quote)
        await redis.hset(keys.QUOTES, quote.symbol, row.decode())
        await redis.publish(keys.QUOTE_CHANNEL, codec.encode_frame(PULSE, [row], ()))
    return FLUSH / (time.perf_counter() - began)


async def measure(url: str) -> tuple[float, float]:
    """Medians of both, taken in turns."""
    ours, other = [], []
    async with open_redis(url) as redis:
        for number in range(ROUNDS):
            ours.append(await framed(redis, number))
            other.append(await single(redis))
    return statistics.median(ours), statistics.median(other)


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="senex-bench-"))
    folder.chmod(0o755)
    try:
        with EmbeddedServices("bench", root=folder) as endpoints:
            ours, other = asyncio.run(measure(endpoints.redis.daemon_url()))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print_rows(
        Row(
            row="quotes → Redis",
            ours=f"{ours / 1000:.0f}k quotes/s framed",
            other=f"{other / 1000:.1f}k two round trips",
            ratio=f"{ours / other:.0f}×",
            bar="≥ 50×",
            within=ours / other >= 50,
            figures={"framed_per_second": round(ours), "single_per_second": round(other)},
        )
    )


if __name__ == "__main__":
    main()
