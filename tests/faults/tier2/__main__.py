"""``python -m tests.faults.tier2``: count each story's messages, then kill the worker right before each of them."""

from __future__ import annotations

import argparse
import asyncio
import logging
import shutil
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

import structlog

from tests.faults.tier2.run import Point, Report, hold
from tests.faults.tier2.stories import STORIES
from tests.servers import make_open_folder, make_template, open_servers

if TYPE_CHECKING:
    from collections.abc import Iterable


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.tier2", description=__doc__)
    parser.add_argument("--story", choices=sorted(STORIES), action="append", help="only this one")
    parser.add_argument("--point", type=int, action="append", help="only this message")
    parser.add_argument("--step", type=int, default=1, help="each so many-th message")
    parser.add_argument("--jobs", type=int, default=2, help="processes, each with servers of its own")
    asked = parser.parse_args()
    began = time.monotonic()
    stories = asked.story or list(STORIES)
    with ProcessPoolExecutor(asked.jobs) as pool:
        if asked.point:
            whole = [Point(story, number) for story in stories for number in asked.point]
            reports = []
        else:
            reports = list(pool.map(_share, [[Point(story, None)] for story in stories]))
            passed = {story: number for report in reports for story, number in report.passed.items()}
            whole = [
                Point(story, number)
                for story in stories
                for number in range(1, passed.get(story, 0) + 1, asked.step)
            ]
            _say_all(f"{story}: {number} messages" for story, number in passed.items())
        jobs = min(asked.jobs, len(whole)) or 1
        reports += list(pool.map(_share, [whole[job::jobs] for job in range(jobs)]))
    return _tell(reports, whole, time.monotonic() - began)


def _share(points: list[Point]) -> Report:
    """One process' share, on servers of its own."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    folder = make_open_folder()
    with open_servers() as embedded:
        report = asyncio.run(hold(embedded, make_template(embedded), folder, points))
    if not report.violations:
        shutil.rmtree(folder)
    return report


def _tell(reports: list[Report], whole: list[Point], seconds: float) -> int:
    violations = sum(len(report.violations) for report in reports)
    for story in STORIES:
        points = sum(point.story == story for point in whole)
        kills = sum(report.kills[story] for report in reports)
        _say_all([f"{story}: {points} points, {kills} kills"])
    submissions = sum(report.submissions for report in reports)
    _say_all([f"{submissions} submissions, {violations} violations, {seconds:.0f} s"])
    return 1 if violations else 0


def _say_all(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
