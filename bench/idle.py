"""What the daemon costs that has nothing to do: memory of its processes, and processor time with health checks.

The whole of senex runs through five minutes of a session, so through every slot of that time, with no position and
no console, asked for its health as often as its containers ask. Memory is summed as the kernel tells it of each
process (what forks share counts for each of them), and beside it with shared pages counted once.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections import defaultdict

import psutil
import psycopg

from bench._row import Row, print_rows
from bench._running import open_folder, until
from daemon.demo.stage import Plot, Stage

SECONDS = 300
CHECK_EVERY = 30
CHECKED = ("worker", "scheduler", "streamer", "relay")
_BEGINS = "2026-06-03T11:02:00-04:00"
_MEGABYTE = 1024 * 1024
_SUM_BAR, _SMALL_BAR, _CPU_BAR = 900, 75, 5.0


async def measure(seconds: int) -> list[Row]:
    with open_folder() as root:
        async with Stage(Plot(instance="bench", fresh=True, root=root, begins=_BEGINS)) as stage:
            await asyncio.to_thread(_ready, stage.urls.owner)
            return await asyncio.to_thread(_measure, stage.console_environment(), seconds)


def _ready(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as sql:
        until(lambda: sql.execute("SELECT 1 FROM readiness WHERE ready").fetchone())


def _measure(environment: dict[str, str], seconds: int) -> list[Row]:
    family = _family()
    before = {name: _cpu(process) for name, process in family.items()}
    began, checks = time.monotonic(), 0.0
    while time.monotonic() - began < seconds:
        for name in CHECKED:
            checks += _check(name, environment)
        time.sleep(max(0.0, CHECK_EVERY - (time.monotonic() - began) % CHECK_EVERY))
    took = time.monotonic() - began
    shares = {name: (_cpu(process) - before[name]) / took * 100 for name, process in family.items()}
    shares["health checks"] = checks / took * 100
    resident = {name: process.memory_info().rss / _MEGABYTE for name, process in family.items()}
    proportional = sum(process.memory_full_info().pss for process in family.values()) / _MEGABYTE
    return [_memory_row(resident, proportional), _small_row(resident), _cpu_row(shares)]


def _family() -> dict[str, psutil.Process]:
    [supervisor] = [one for one in psutil.Process().children() if one.cmdline()[1:] == ["-m", "daemon"]]
    found = {"supervisor": supervisor}
    for part in supervisor.children():
        name = part.cmdline()[-1]
        found[name] = part
        found |= {f"{name} {place}": one for place, one in enumerate(part.children(), start=1)}
    return found


def _cpu(process: psutil.Process) -> float:
    """Of a process; its living children count by themselves, those that ended with it."""
    used = process.cpu_times()
    return used.user + used.system + used.children_user + used.children_system


def _check(name: str, environment: dict[str, str]) -> float:
    """One health check, as its container makes it; the processor seconds it took."""
    before = psutil.Process().cpu_times()
    command = [sys.executable, "-m", "senex", "health", name, "--here"]
    subprocess.run(command, check=True, env=environment, capture_output=True)
    after = psutil.Process().cpu_times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def _memory_row(resident: dict[str, float], proportional: float) -> Row:
    total = sum(resident.values())
    return Row(
        row="idle daemon, memory",
        ours=f"{total:.0f} MB in {len(resident)} processes",
        other=f"{proportional:.0f} MB with shared pages once",
        ratio=f"{total / proportional:.1f}×",
        bar=f"≤ {_SUM_BAR} MB",
        within=total <= _SUM_BAR,
        figures={"pss": round(proportional), **{name: round(size) for name, size in resident.items()}},
    )


def _small_row(resident: dict[str, float]) -> Row:
    relay, scheduler = resident["relay"], resident["scheduler"]
    return Row(
        row="relay and scheduler, memory",
        ours=f"{relay:.0f} and {scheduler:.0f} MB",
        other="each other",
        ratio=f"{scheduler / relay:.1f}×",
        bar=f"≤ {_SMALL_BAR} MB each",
        within=max(relay, scheduler) <= _SMALL_BAR,
    )


def _cpu_row(shares: dict[str, float]) -> Row:
    kinds = defaultdict[str, float](float)
    for name, share in shares.items():
        kinds["workers" if name.startswith("worker") else name] += share
    total = sum(shares.values())
    return Row(
        row="idle daemon, processor",
        ours=f"{total:.1f} % of a core",
        other=f"health checks alone {shares['health checks']:.1f} %",
        ratio=f"{total / shares['health checks']:.1f}×",
        bar=f"≤ {_CPU_BAR:g} %",
        within=total <= _CPU_BAR,
        figures={name: round(share, 2) for name, share in kinds.items()},
    )


if __name__ == "__main__":
    print_rows(*asyncio.run(measure(int(sys.argv[1]) if sys.argv[1:] else SECONDS)))
