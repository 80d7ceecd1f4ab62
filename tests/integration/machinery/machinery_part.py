"""One part of the daemon as a process of its own, with handlers that only write down that they ran.

``python machinery_part.py PART JSON``; the JSON holds the addresses.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import psycopg

from daemon import logs
from daemon.relay import relay
from daemon.runner import Means
from daemon.scheduler import schedule
from daemon.worker import serve
from senex.ports.records import Following

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from senex.ports.records import Work

Container = psycopg.AsyncConnection[tuple[Any, ...]]


async def note(container: Container, work: Work) -> None:
    """Write down the run and be done, in one transaction."""
    async with container.transaction():
        await _ran(container, work)
        await container.execute("UPDATE outbox SET done_at = clock_timestamp() WHERE id = %s", (work.id,))


async def lead_on(container: Container, work: Work) -> Following:
    """Be done, and name work that was written in the same transaction."""
    following = Following("note", f"after {work.id}")
    async with container.transaction():
        await container.execute(
            "INSERT INTO outbox (queue, job, subject) VALUES ('trading', %s, %s)",
            (following.job, following.subject),
        )
        await container.execute("UPDATE outbox SET done_at = clock_timestamp() WHERE id = %s", (work.id,))
    return following


async def hang(container: Container, work: Work) -> None:
    """Write down the run and never end."""
    await _ran(container, work)
    await asyncio.Event().wait()


async def hang_once(container: Container, work: Work) -> None:
    """Hang in the first run, be done in the second."""
    cursor = await container.execute("SELECT 1 FROM ran WHERE outbox_id = %s", (work.id,))
    await (note if await cursor.fetchone() else hang)(container, work)


async def block_once(container: Container, work: Work) -> None:
    """Keep the loop from turning in the first run, be done in the second."""
    cursor = await container.execute("SELECT 1 FROM ran WHERE outbox_id = %s", (work.id,))
    if await cursor.fetchone():
        await note(container, work)
        return
    await _ran(container, work)
    threading.Event().wait()


async def fail_once(container: Container, work: Work) -> None:
    """Fail in the first run, be done in the second."""
    cursor = await container.execute("SELECT 1 FROM ran WHERE outbox_id = %s", (work.id,))
    if await cursor.fetchone():
        await note(container, work)
        return
    await _ran(container, work)
    raise RuntimeError("the first run fails")


async def _ran(container: Container, work: Work) -> None:
    await container.execute(
        "INSERT INTO ran (outbox_id, job, pid, parent) VALUES (%s, %s, %s, %s)",
        (work.id, work.job, os.getpid(), os.getppid()),
    )


HANDLERS = {
    "start": note,
    "note": note,
    "decide": note,
    "lead_on": lead_on,
    "hang": hang,
    "hang_once": hang_once,
    "fail_once": fail_once,
    "block_once": block_once,
}


def main() -> None:
    """Run the part until it ends."""
    part, given = sys.argv[1], json.loads(sys.argv[2])
    logs.configure(as_json=False, process=part)
    if part == "relay":
        asyncio.run(relay(direct_url=given["postgres"], redis_url=given["redis"], instance=given["instance"]))
        return

    if part == "scheduler":
        asyncio.run(
            schedule(
                direct_url=given["postgres"],
                redis_url=given["redis"],
                clock_url=given["clock"],
                instance=given["instance"],
                environment="simulated",
            )
        )
        return

    @asynccontextmanager
    async def build() -> AsyncIterator[Container]:
        async with await psycopg.AsyncConnection.connect(given["postgres"], autocommit=True) as connection:
            yield connection

    means = Means(
        direct_url=given["postgres"],
        environment="simulated",
        build=build,
        handlers=HANDLERS,
        limit=given.get("limit", 30),
    )
    sys.exit(
        serve(
            means,
            redis_url=given["redis"],
            host=given["instance"],
            concurrency=given.get("concurrency", {}),
        )
    )


if __name__ == "__main__":
    main()
