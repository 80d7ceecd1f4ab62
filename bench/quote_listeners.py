"""Five consoles on the bus at 20,000 quotes a second from the broker.

The streamer keeps the newest of each symbol and sends ten frames a second: of 500 symbols, the budget, all have
changed each time. Beside it: one console alone.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

from bench._row import Row, print_rows
from bench._running import open_folder
from bench.quote_to_cell import FRAMES, SYMBOLS, publish
from daemon.embedded import EmbeddedServices

CONSOLES, SECONDS = 5, 6.0


async def run(consoles: int, daemon_url: str, console_url: str) -> list[dict[str, float]]:
    """So many followers, and frames for as long as they live."""
    command = [sys.executable, "-m", "bench._listener", console_url, str(SECONDS)]
    listening = [
        await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE) for _ in range(consoles)
    ]
    publishing = asyncio.create_task(publish(daemon_url))
    told = [(await each.communicate())[0] for each in listening]
    publishing.cancel()
    return [json.loads(each) for each in told]


def main() -> None:
    with open_folder() as root, EmbeddedServices("bench", root=root) as endpoints:
        urls = endpoints.redis.daemon_url(), endpoints.redis.console_url()
        [alone] = asyncio.run(run(1, *urls))
        five = asyncio.run(run(CONSOLES, *urls))
    processor = max(each["cpu_percent"] for each in five)
    age = max(each["p99_ms"] for each in five)
    rate = min(each["quotes_per_second"] for each in five)
    print_rows(
        Row(
            row=f"quotes → {CONSOLES} consoles",
            ours=f"{processor:.1f} % of a core each, p99 {age:.1f} ms, {rate:.0f}/s",
            other=f"one alone {alone['cpu_percent']:.1f} %, p99 {alone['p99_ms']:.1f} ms",
            ratio=f"{processor / alone['cpu_percent']:.1f}×",
            bar="≤ 5 % each, p99 ≤ a frame + 10 ms",
            within=processor <= 5 and age <= 10 and rate >= 0.95 * SYMBOLS * FRAMES,
            figures={"cpu_percent": processor, "p99_ms": age, "alone_percent": alone["cpu_percent"]},
        )
    )


if __name__ == "__main__":
    main()
