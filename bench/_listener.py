"""A process that follows the bus as a console does, without a screen, and says what that cost.

``python -m bench._listener REDIS_URL SECONDS``. Frames carry the moment they were made (``source_sequence``,
monotonic ns); the age of a quote here is from then until it is decoded.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import aclosing

from bench._painter import WARM_UP, at_share, cpu
from senex.bus.codec import Frame
from senex.bus.subscriber import Feed


async def listen(url: str, seconds: float) -> dict[str, float]:
    """Follow for so long after warming up."""
    ages: list[float] = []
    quotes, used = 0, 0.0
    begins = time.monotonic() + WARM_UP
    async with aclosing(Feed(url).events()) as events:
        async for event in events:
            now = time.monotonic()
            if now >= begins + seconds:
                break
            if isinstance(event, Frame) and now >= begins:
                used = used or cpu()
                ages.append(time.monotonic_ns() / 1e6 - event.pulse.source_sequence / 1e6)
                quotes += len(event.quotes)
    return {
        "cpu_percent": (cpu() - used) / seconds * 100,
        "p99_ms": at_share(ages, 0.99),
        "quotes_per_second": quotes / seconds,
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(listen(sys.argv[1], float(sys.argv[2])))))
