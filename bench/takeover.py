"""What kill -9 costs: leader killed → its standby leads; worker killed in mid job → the job is done by another.

The whole of senex runs with a second relay, scheduler and streamer beside it. Who leads is what Postgres says of
the lock. Compared with the bare hand-over of such a lock between two connections, and with the outbox' lease.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import threading
import time
from typing import Any

import psutil
import psycopg
from psycopg.conninfo import conninfo_to_dict

from bench._row import Row, print_rows
from bench._running import open_folder, until
from daemon.demo.stage import Plot, Stage
from daemon.supervisor import Part
from senex.store.outbox import LEASE_SECONDS

SINGLETONS = ("relay", "scheduler", "streamer")
KILLS, RESCUES = 3, 2
_LEADER = """
SELECT a.pid, a.client_port FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted = %s AND a.application_name LIKE %s
"""


async def measure() -> list[Row]:
    with open_folder() as root:
        async with Stage(Plot(instance="bench", fresh=True, root=root)) as stage:
            for name in SINGLETONS:
                command = [sys.executable, "-m", "daemon", name]
                await stage.keep(Part(f"{name} 2", command, stage._daemon_environment()))  # noqa: SLF001  a second of each
            address = stage.endpoints.postgres.superuser_url(
                str(conninfo_to_dict(stage.urls.owner)["dbname"])
            )
            return await asyncio.to_thread(_measure, address)


def _measure(url: str) -> list[Row]:
    """``url`` is a superuser's: nobody else sees what the others' sessions are called."""
    with psycopg.connect(url, autocommit=True) as sql:
        until(lambda: sql.execute("SELECT 1 FROM readiness WHERE ready").fetchone())
        bare = statistics.median(_bare(url) for _ in range(10))
        rows = [
            _takeover_row(name, [_takeover(sql, name) for _ in range(KILLS)], bare) for name in SINGLETONS
        ]
        return [*rows, _rescue_row([_rescue(sql, url) for _ in range(RESCUES)])]


def _takeover(sql: psycopg.Connection[Any], name: str) -> float:
    """Milliseconds from the kill of the leader until another holds the lock."""
    like = f"%{name} leader"
    until(lambda: sql.execute(_LEADER, (False, like)).fetchone())  # a standby waits
    (old, port) = until(lambda: sql.execute(_LEADER, (True, like)).fetchone())
    process = _owner(port)
    began = time.perf_counter()
    process.kill()
    until(lambda: any(pid != old for pid, _ in sql.execute(_LEADER, (True, like)).fetchall()))
    return (time.perf_counter() - began) * 1000


def _rescue(sql: psycopg.Connection[Any], url: str) -> float:
    """Seconds from the kill of all workers, one of them in mid job, until that job is done."""
    until(
        lambda: sql.execute(
            "SELECT 1 FROM outbox HAVING count(*) FILTER (WHERE done_at IS NULL) = 0"
        ).fetchone()
    )
    with psycopg.connect(url) as held:
        held.execute("LOCK account_snapshot IN ACCESS EXCLUSIVE MODE")  # so that the job stays in its middle
        row = sql.execute(
            "INSERT INTO outbox (account_id, queue, job, subject) "
            "SELECT id, 'accounts', 'snapshot_account', id::text FROM account LIMIT 1 RETURNING id"
        ).fetchone()
        assert row is not None
        until(
            lambda: sql.execute(
                "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'account_snapshot'::regclass"
            ).fetchone()
        )
        workers = next(one for one in _ours() if one.cmdline()[-1:] == ["worker"])
        began = time.perf_counter()
        workers.kill()
    until(lambda: sql.execute("SELECT 1 FROM outbox WHERE id = %s AND done_at IS NOT NULL", row).fetchone())
    return time.perf_counter() - began


def _bare(url: str) -> float:
    """Milliseconds from one connection's end until another that waits for its lock has it."""
    taken: list[float] = []
    with psycopg.connect(url, autocommit=True) as waiting:
        holder = psycopg.connect(url, autocommit=True)
        holder.execute("SELECT pg_advisory_lock(7)")

        def wait() -> None:
            waiting.execute("SELECT pg_advisory_lock(7)")
            taken.append(time.perf_counter())

        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.05)
        began = time.perf_counter()
        holder.close()
        thread.join()
    return (taken[0] - began) * 1000


def _ours() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def _owner(port: int) -> psutil.Process:
    """The process of ours that talks to Postgres from this port."""
    for process in _ours():
        if any(line.laddr and line.laddr.port == port for line in process.net_connections("tcp")):
            return process
    raise LookupError(f"nobody of ours uses port {port}")


def _takeover_row(name: str, taken: list[float], bare: float) -> Row:
    median = statistics.median(taken)
    return Row(
        row=f"{name} killed → standby leads",
        ours=f"p50 {median:.0f} ms, max {max(taken):.0f} ms",
        other=f"bare lock hand-over {bare:.1f} ms",
        ratio=f"{median / bare:.1f}×",
        bar="max ≤ 3 s",
        within=max(taken) <= 3000,
        figures={"median_ms": median, "max_ms": max(taken), "bare_ms": bare, "runs": len(taken)},
    )


def _rescue_row(taken: list[float]) -> Row:
    median = statistics.median(taken)
    return Row(
        row="worker killed in mid job → done",
        ours=f"p50 {median:.1f} s, max {max(taken):.1f} s",
        other=f"the outbox' lease {LEASE_SECONDS} s",
        ratio=f"{median / LEASE_SECONDS:.2f}×",
        bar="max ≤ 30 s",
        within=max(taken) <= 30,
        figures={"median_s": median, "max_s": max(taken), "runs": len(taken)},
    )


if __name__ == "__main__":
    print_rows(*asyncio.run(measure()))
