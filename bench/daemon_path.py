"""What the daemon adds: decision committed → order's first byte at the broker, and work committed → work begun.

The whole of senex runs; a listener stands before the simulator and notes when the POST of an order
arrives. Beside it: the SDK's own ``place_order`` at a server that does nothing, and a no-op job of stock RQ
workers, one that forks and one that does not, on the same Redis. All in one run.
"""

from __future__ import annotations

import asyncio
import math
import multiprocessing
import statistics
import time
from contextlib import suppress
from itertools import product
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
from redis import Redis
from rq import Queue, SimpleWorker, Worker

from bench._bare_broker import sdk_orders
from bench._row import Row, p99_of, print_rows
from bench._running import open_folder
from daemon.demo.stage import Plot, Stage
from senex.bootstrap.live_console import open_live_console
from senex.config import ConsoleSettings, load
from senex.store.outbox import LEASE_SECONDS

if TYPE_CHECKING:
    from uuid import UUID

    from senex.bootstrap.live_console import LiveConsole
    from senex.ports.views import SuggestionView

ACCOUNTS, SYMBOLS = 25, ("QQQ", "SPY", "IWM", "GLD")
"""Approvals are of each symbol in each account: enough for the 99th of a hundred to be one of them."""
JOBS = 105
_READY, _ANSWER = 90.0, 60.0
_POSTED, _TRIP = 50.0, 0.95
"""Milliseconds: an approval's way is to take so long where the SDK's round trip takes that."""
# who begins with a row leases it anew
_TAKEN = """
SELECT extract(epoch FROM lease_until - created_at) * 1000 - 1000 * %s, extract(epoch FROM done_at - created_at) * 1000
FROM outbox WHERE done_at IS NOT NULL AND id = %s
"""


class Listener:
    """Forwards bytes to the simulator and notes when the POST of an order begins."""

    def __init__(self) -> None:
        self.upstream = ("127.0.0.1", 0)
        self.posted: dict[str, float] = {}
        self.arrived = asyncio.Event()

    async def start(self) -> str:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection(*self.upstream)
        with suppress(OSError):
            async with asyncio.TaskGroup() as group:
                group.create_task(self._copy(reader, forth, watch=True))
                group.create_task(self._copy(back, writer, watch=False))

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, watch: bool) -> None:
        while chunk := await source.read(65_536):
            if watch and chunk.startswith(b"POST /accounts/") and b"/orders HTTP" in chunk[:80]:
                self.posted[chunk.split(b"/")[2].decode()] = time.perf_counter()
                self.arrived.set()
            sink.write(chunk)
            await sink.drain()
        sink.close()


async def measure() -> list[Row]:
    listener = Listener()
    address = await listener.start()

    def between(rest: str) -> str:
        parts = urlsplit(rest)
        listener.upstream = (str(parts.hostname), int(parts.port or 0))
        return address

    with open_folder() as root:
        plot = Plot(instance="bench", fresh=True, accounts=ACCOUNTS, rest_via=between, root=root)
        async with Stage(plot) as stage:
            settings = load(
                ConsoleSettings,
                environment="simulated",
                console_database_url=stage.urls.console,
                console_redis_url=stage.endpoints.redis.console_url(),
                clock_url=stage.clock_url,
            )
            async with open_live_console(settings) as console:
                approvals = await _approvals(console, listener, stage.urls.owner)
            offered = await asyncio.to_thread(_offered, stage.urls.owner)
            url = stage.endpoints.redis.daemon_url(9)
            forking, inside = [await asyncio.to_thread(_stock, url, forks=forks) for forks in (True, False)]
    return [_approval_row(approvals, await sdk_orders(200)), *_job_rows(offered, forking, inside)]


async def _approvals(console: LiveConsole, listener: Listener, url: str) -> list[float]:
    """Milliseconds from each decision's commit to its POST, each with nothing else to do."""
    taken = []
    accounts = await _accounts(console)
    for symbol, (account_id, number) in product(SYMBOLS, accounts):
        suggestion = await _suggestion(console, account_id, symbol)
        await asyncio.to_thread(_nothing_to_do, url)
        listener.posted.clear()
        listener.arrived.clear()
        await console.decider.approve(suggestion, shown_at=console.clock.now())
        committed = time.perf_counter()
        async with asyncio.timeout(_ANSWER):
            while number not in listener.posted:
                await listener.arrived.wait()
                listener.arrived.clear()
        taken.append((listener.posted[number] - committed) * 1000)
    return taken[1:]  # the first warms session and plans


def _nothing_to_do(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute("SELECT FROM outbox WHERE done_at IS NULL").fetchone() is not None:
            time.sleep(0.05)
        time.sleep(1.0)  # alerts of the last fill may still be on their way
        while connection.execute("SELECT FROM outbox WHERE done_at IS NULL").fetchone() is not None:
            time.sleep(0.05)


async def _accounts(console: LiveConsole) -> list[tuple[UUID, str]]:
    async with asyncio.timeout(_READY):
        while True:
            found = await console.reads.accounts(console.clock.now())
            if len(found) == ACCOUNTS and all(one.ready and one.net_liquidation for one in found):
                return [(one.id, one.number) for one in found]
            await asyncio.sleep(0.2)


async def _suggestion(console: LiveConsole, account_id: UUID, symbol: str) -> SuggestionView:
    answer = await console.decider.wait_result(await console.decider.suggest(account_id, symbol), _ANSWER)
    found = None if answer.suggestion_id is None else await console.reads.suggestion(answer.suggestion_id)
    assert found is not None, answer.message
    return found


def _offered(url: str) -> list[tuple[float, float]]:
    """Milliseconds from a row's commit to its begin and its end, by Postgres' own clock, on the warm trading worker."""
    taken = []
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(JOBS):
            row = connection.execute(
                "INSERT INTO outbox (queue, job, subject) VALUES ('trading', 'cleanup_old_suggestions', '') "
                "RETURNING id"
            ).fetchone()
            assert row is not None
            while (found := connection.execute(_TAKEN, (LEASE_SECONDS, *row)).fetchone()) is None:
                time.sleep(0.005)
            taken.append((float(found[0]), float(found[1])))
    return taken[5:]


def _stock(url: str, *, forks: bool) -> list[tuple[float, float]]:
    """Milliseconds from enqueue to begin and end of a no-op on a stock RQ worker."""
    redis = Redis.from_url(url)
    worker = multiprocessing.get_context("spawn").Process(target=_work, args=(url, forks))
    worker.start()
    queue = Queue("stock", connection=redis)
    taken = []
    for _ in range(JOBS):
        job = queue.enqueue("operator.abs", 1)
        while job.ended_at is None or job.enqueued_at is None:
            time.sleep(0.005)
            job.refresh()  # type: ignore[no-untyped-call]  # RQ's own
        assert job.started_at is not None
        begun, ended = job.started_at - job.enqueued_at, job.ended_at - job.enqueued_at
        taken.append((begun.total_seconds() * 1000, ended.total_seconds() * 1000))
    worker.terminate()
    worker.join()
    return taken[5:]


def _work(url: str, forks: bool) -> None:  # noqa: FBT001  positional for the other process
    kind = Worker if forks else SimpleWorker
    kind(["stock"], connection=Redis.from_url(url)).work(logging_level="ERROR")


def _approval_row(approvals: list[float], bare: list[float]) -> Row:
    """What the SDK's own round trip takes here, beside what it took where the bar was set, is this machine's share."""
    median, p99, trip = statistics.median(approvals), p99_of(approvals), statistics.median(bare)
    return Row(
        row="approval commit → POST",
        ours=f"p50 {median:.0f} ms, p99 {p99:.0f} ms",
        other=f"SDK's place_order to a bare server {trip:.2f} ms",
        ratio=f"p99 {p99 / trip:.0f}×",
        bar=f"p99 ≤ {_POSTED:.0f} ms where the SDK takes {_TRIP:.2f}: {_POSTED / _TRIP:.0f}×",
        within=p99 / trip <= _POSTED / _TRIP,
        figures={"median_ms": median, "p99_ms": p99, "sdk_ms": trip, "runs": len(approvals)},
    )


def _job_rows(
    offered: list[tuple[float, float]], forking: list[tuple[float, float]], inside: list[tuple[float, float]]
) -> list[Row]:
    """Begin and end of work, beside the same of a no-op on a stock worker that forks, as ``rq worker`` does."""
    rows = []
    for place, what, bar in ((0, "begun", 20.0), (1, "done", math.inf)):
        ours, other, warm = ([each[place] for each in some] for some in (offered, forking, inside))
        median, p99, reference = statistics.median(ours), p99_of(ours), statistics.median(other)
        rows.append(
            Row(
                row=f"work committed → {what} (trading)",
                ours=f"p50 {median:.1f} ms, p99 {p99:.1f} ms",
                other=f"stock RQ no-op p50 {reference:.1f} ms, p99 {p99_of(other):.1f} ms "
                f"(not forking: {statistics.median(warm):.1f})",
                ratio=f"{median / reference:.2f}×",
                bar="≤ 1.2×" if math.isinf(bar) else f"p99 ≤ {bar:.0f} ms, ≤ 1.2×",
                within=p99 <= bar and median / reference <= 1.2,
                figures={
                    "ours_ms": median,
                    "p99_ms": p99,
                    "stock_ms": reference,
                    "stock_p99_ms": p99_of(other),
                    "stock_inside_ms": statistics.median(warm),
                },
            )
        )
    return rows


if __name__ == "__main__":
    print_rows(*asyncio.run(measure()))
