"""Hold trials: so many seeds of each fault, on benches of a few accounts each."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

from tests.faults.tier1.bench import open_bench
from tests.faults.tier1.faults import FAULTS
from tests.faults.tier1.trial import Trial
from tests.faults.tier1.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from daemon.embedded import Endpoints

PER_BENCH = 80
PER_LINED_BENCH = 40
"""Fewer kinds of faults need one, and none is to lag far behind the others."""
PATIENCE = 6000.0
"""Seconds of the loop's time after which a trial hangs."""


@dataclass
class Report:
    """What came of the trials."""

    trials: Counter[str] = field(default_factory=Counter)
    submissions: int = 0
    fills: int = 0
    lives: int = 0
    seconds: float = 0.0
    processor: float = 0.0
    """Seconds of processors, this process' and its Postgres'."""
    violations: list[str] = field(default_factory=list)


def processor_seconds(embedded: Endpoints) -> float:
    """What this process and that Postgres have used until now."""
    used = time.process_time()
    folder = str(embedded.root)
    for one in psutil.process_iter(["cmdline", "name"]):
        if one.info["name"] == "postgres" and any(folder in word for word in one.info["cmdline"] or ()):
            used += sum(one.cpu_times()) + sum(sum(each.cpu_times()[:2]) for each in one.children())
    return used


async def hold(
    embedded: Endpoints, template: str, trials: Iterable[tuple[str, int]], report: Report | None = None
) -> Report:
    """Hold these trials, each a fault's name and a seed."""
    report = Report() if report is None else report
    began, used = time.monotonic(), processor_seconds(embedded)
    for lined, some in benches(trials):
        async with open_bench(embedded, template, accounts=len(some), lined=lined) as bench:
            for (number, account), (fault, seed) in zip(bench.accounts, some, strict=True):
                trial = Trial(bench, number, account, fault, seed)
                try:
                    async with asyncio.timeout(PATIENCE):
                        await play(trial)
                    await judge(trial)
                except Exception as problem:  # noqa: BLE001  whatever it is, the seed is told
                    report.violations.append(_told(trial, problem))
                report.trials[fault] += 1
                report.submissions += len(trial.posts())
                report.fills += sum(bool(leg.fills) for order in trial.orders() for leg in order.legs)
            report.lives += bench.lives
    report.seconds += time.monotonic() - began
    report.processor += processor_seconds(embedded) - used
    return report


def benches(trials: Iterable[tuple[str, int]]) -> Iterator[tuple[bool, list[tuple[str, int]]]]:
    """The trials of each bench, and whether it needs the line before Postgres; full benches, as far as they go."""
    coming: dict[bool, list[tuple[str, int]]] = {False: [], True: []}
    for one in trials:
        lined = FAULTS[one[0]].lined
        some = coming[lined]
        some.append(one)
        if len(some) == (PER_LINED_BENCH if lined else PER_BENCH):
            yield lined, list(some)
            some.clear()
    yield from ((lined, some) for lined, some in coming.items() if some)


async def play(trial: Trial) -> None:
    """The story: an approval, some beats, the fault amid them; then everything is well again."""
    fault = FAULTS[trial.fault]
    await trial.begin()
    suggestion = await trial.suggest()
    await fault.arm(trial)
    await trial.approve(suggestion)
    await trial.bench.drain()
    if trial.draw.random() < 0.15:
        await trial.approve(await trial.suggest(slot=1))
        await trial.bench.drain()
    for _ in range(trial.draw.randint(*fault.beats)):
        await trial.beat()
    await fault.later(trial)
    await trial.end()


def _told(trial: Trial, problem: Exception) -> str:
    story = "\n    ".join(trial.told)
    why = str(problem) or type(problem).__name__
    if not isinstance(problem, AssertionError):
        why = "".join(traceback.format_exception(problem))
    again = f"python -m tests.faults.tier1 --fault {trial.fault} --seed {trial.seed}"
    return f"{trial.fault} seed {trial.seed}: {why}\n    {story}\n  again: {again}"
