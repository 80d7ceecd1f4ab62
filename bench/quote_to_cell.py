"""Redis frame → painted cell: the console's line table against Textual's DataTable, same feed, same run.

500 symbols at 5,000 quotes a second, ten frames a second (the streamer's
pace), 48 rows visible.
"""

from __future__ import annotations

import asyncio
import gc
import json
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from bench._row import Row, print_rows
from daemon.embedded import EmbeddedServices
from senex.bus.codec import Pulse
from senex.bus.connection import open_redis
from senex.bus.publisher import QuoteWriter
from senex.domain.quotes import Quote

SYMBOLS, FRAMES, SECONDS = 500, 10, 6.0


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="senex-bench-"))
    folder.chmod(0o755)
    try:
        with EmbeddedServices("bench", root=folder) as endpoints:
            figures = {
                kind: asyncio.run(run(kind, endpoints.redis.daemon_url(), endpoints.redis.console_url()))
                for kind in ("datatable", "line")
            }
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    ours, other = figures["line"], figures["datatable"]
    # a table that cannot keep up shows fewer quotes: compare what each quote cost
    cost = {kind: found["cpu_percent"] * 10 / found["quotes_per_second"] for kind, found in figures.items()}
    share = cost["line"] / cost["datatable"]
    print_rows(
        Row(
            row="quote → cell, CPU",
            ours=f"{ours['cpu_percent']} % at {ours['quotes_per_second']:.0f}/s",
            other=f"DataTable {other['cpu_percent']} % at {other['quotes_per_second']:.0f}/s",
            ratio=f"{share:.2f}× a quote",
            bar="≤ 0.2× and ≤ 12 %",
            within=share <= 0.2 and ours["cpu_percent"] <= 12,
            figures={
                f"{kind}_{name}": value for kind, found in figures.items() for name, value in found.items()
            },
        ),
        Row(
            row="quote → cell, p99",
            ours=f"{ours['p99_ms']} ms, loop lag {ours['loop_lag_p99_ms']} ms",
            other=f"DataTable {other['p99_ms']} ms",
            ratio=f"{ours['p99_ms'] / other['p99_ms']:.2f}×",
            bar="p99 ≤ 50 ms, loop lag p99 ≤ 10 ms",
            within=ours["p99_ms"] <= 50 and ours["loop_lag_p99_ms"] <= 10,
        ),
    )


async def run(kind: str, daemon_url: str, console_url: str) -> dict[str, float]:
    """One painter, and frames for as long as it lives."""
    command = [sys.executable, "-m", "bench._painter", kind, console_url, str(SECONDS)]
    painter = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    publishing = asyncio.create_task(publish(daemon_url))
    out, _ = await painter.communicate()
    publishing.cancel()
    figures: dict[str, float] = json.loads(out.decode().strip().splitlines()[-1])
    return figures


async def publish(url: str) -> None:
    gc.freeze()  # as the streamer does
    writer = QuoteWriter(open_redis(url))
    epoch, number = f"bench-{time.monotonic_ns()}", 0
    due = time.monotonic()
    while True:
        number += 1
        at = datetime.now(UTC)  # noqa: TID251  a bench's clock
        rows = [quote(index, number, at) for index in range(SYMBOLS)]
        pulse = Pulse(
            epoch, number, number, connected=True, last_inbound=at, source_sequence=time.monotonic_ns()
        )
        await writer.write(pulse, rows, ())
        due += 1 / FRAMES
        await asyncio.sleep(max(due - time.monotonic(), 0))


def quote(index: int, number: int, at: datetime) -> Quote:
    bid = Decimal(100 + (index * 7 + number * 13) % 900) / 100
    return Quote(
        f".QQQ251219P{500 + index}", bid, bid + Decimal("0.05"), Decimal(10), Decimal(12), number, at
    )


if __name__ == "__main__":
    main()
