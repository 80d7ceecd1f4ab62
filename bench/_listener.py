"""A process that follows the bus as a console does, without a screen, and says what that cost.

``python -m bench._listener REDIS_URL SECONDS``. The age of a quote is from when the streamer's socket saw it
until it is decoded here.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bench._painter import WARM_UP, at_share, cpu
from senex.bus.codec import Frame
from senex.bus.subscriber import Feed

if TYPE_CHECKING:
    from senex.domain.quotes import Quote


async def listen(url: str, seconds: float) -> dict[str, float]:
    """Follow for so long after warming up."""
    heard: list[tuple[datetime, tuple[Quote, ...]]] = []
    used = 0.0
    begins = time.monotonic() + WARM_UP
    async with aclosing(Feed(url).events()) as events:
        async for event in events:
            now = time.monotonic()
            if now >= begins + seconds:
                break
            if isinstance(event, Frame) and now >= begins:
                used = used or cpu()
                heard.append((datetime.now(UTC), event.quotes))  # noqa: TID251  a bench's clock
        used = cpu() - used
    ages = [(at - quote.received_at).total_seconds() * 1000 for at, quotes in heard for quote in quotes]
    return {
        "cpu_percent": used / seconds * 100,
        "p99_ms": at_share(ages, 0.99),
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(listen(sys.argv[1], float(sys.argv[2])))))
