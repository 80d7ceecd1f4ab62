"""Play stories, each killed at one point, on benches of a few accounts each."""

from __future__ import annotations

import sys
import time
import traceback
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from tests.faults.tier1.lines import Fuse
from tests.faults.tier1.trial import Trial
from tests.faults.tier1.verdict import judge
from tests.faults.tier2.bench import Nursery, Processes
from tests.faults.tier2.stories import STORIES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from daemon.embedded import Endpoints

PER_BENCH = 25
STRUCK = frozenset({"commit", "request", "answer"})


class Point(NamedTuple):
    """The message of a story before which the worker is killed; None leaves it alive."""

    story: str
    number: int | None


@dataclass
class Report:
    """What came of it; ``passed`` is how many messages each story had."""

    passed: dict[str, int] = field(default_factory=dict)
    played: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    submissions: int = 0
    violations: list[str] = field(default_factory=list)


async def hold(embedded: Endpoints, template: str, folder: Path, points: Sequence[Point]) -> Report:
    """Play the story of each point."""
    report, began = Report(), time.monotonic()
    async with AsyncExitStack() as whole:
        nursery = Nursery()
        await nursery.open(whole)
        for first in range(0, len(points), PER_BENCH):
            some = points[first : first + PER_BENCH]
            async with AsyncExitStack() as stack:
                bench = Processes(len(some), folder=folder, embedded=embedded, nursery=nursery)
                await bench.open(stack, embedded, template)
                for (number, account), point in zip(bench.accounts, some, strict=True):
                    await _play(Trial(bench, number, account, "tier2", 0), bench, point, report)
            told = f"{report.played.total()} of {len(points)} played, {report.kills.total()} kills"
            sys.stderr.write(f"{told}, {time.monotonic() - began:.0f} s\n")
    return report


async def _play(trial: Trial, bench: Processes, point: Point, report: Report) -> None:
    fuse, before = Fuse(at=point.number, what=STRUCK), bench.kills
    try:
        await STORIES[point.story](trial, bench, fuse)
        report.passed[point.story] = fuse.passed
        await trial.end()
        await judge(trial)
    except Exception as problem:  # noqa: BLE001  whatever it is, the point is told
        why = str(problem)
        if not isinstance(problem, AssertionError):
            why = "".join(traceback.format_exception(problem))
        told = "\n    ".join(trial.told)
        again = f"python -m tests.faults.tier2 --story {point.story} --point {point.number}"
        report.violations.append(f"{point.story} {point.number}: {why}\n    {told}\n  again: {again}")
        sys.stderr.write(f"{report.violations[-1]}\n")
    report.played[point.story] += 1
    report.kills[point.story] += bench.kills - before
    report.submissions += len(trial.posts())
