"""``python -m tests.faults.tier1``: each random fault with so many seeds; ``--fault`` and ``--seed`` hold one again."""

from __future__ import annotations

import argparse
import gc
import logging
import math
import sys
import time
import warnings
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import structlog

from tests.faults.tier1.faults import FAULTS
from tests.faults.tier1.pace import hurried, load_authorities_once
from tests.faults.tier1.run import PER_BENCH, Report, benches, hold
from tests.servers import by_sockets, make_template, open_servers


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.tier1", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="seeds of each fault, from --from on")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--fault", choices=sorted(FAULTS), action="append", help="only this fault")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument(
        "--minutes", type=float, default=math.inf, help="begin no further bench after so many"
    )
    asked = parser.parse_args()
    seeds = range(asked.first, asked.first + asked.seeds) if asked.seed is None else [asked.seed]
    trials = [(fault, seed) for seed in seeds for fault in asked.fault or _one_of_each(seed)]
    jobs = min(asked.jobs, -(-len(trials) // PER_BENCH))
    until = time.monotonic() + 60 * asked.minutes
    with ProcessPoolExecutor(jobs) as pool:
        reports = list(pool.map(partial(_share, until), [trials[job::jobs] for job in range(jobs)]))
    return _say(reports)


def _one_of_each(seed: int) -> list[str]:
    """A fault of each of RELIABILITY's numbers; where one strikes in several ways, they take turns."""
    numbers: dict[str, list[str]] = {}
    for fault in FAULTS.values():
        numbers.setdefault(fault.number, []).append(fault.name)
    return [ways[seed % len(ways)] for ways in numbers.values()]


def _share(until: float, trials: list[tuple[str, int]]) -> Report:
    """One process' share, on servers of its own."""
    warnings.simplefilter("ignore")  # what dies in the middle of something leaves it open
    load_authorities_once()
    gc.set_threshold(200_000, 20, 50)  # a trial makes and drops a million small objects
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    report = Report()
    with open_servers() as embedded:
        template = make_template(embedded)
        gc.freeze()  # what is there now stays
        for _, some in benches(trials):
            before = len(report.violations)
            hurried(hold(by_sockets(embedded), template, some, report))
            for each in report.violations[before:]:
                sys.stderr.write(f"{each}\n")
            sys.stderr.write(f"{report.trials.total()} trials, {len(report.violations)} violations\n")
            if time.monotonic() > until:
                break
    return report


def _say(reports: list[Report]) -> int:
    held = sum((report.trials for report in reports), Counter())
    violations = [each for report in reports for each in report.violations]
    broken = Counter(each.partition(" ")[0] for each in violations)
    for fault, number in held.items():
        sys.stdout.write(f"{fault:18} {number:6} seeds, {broken[fault]} violations\n")
    seconds = max(report.seconds for report in reports)
    each = sum(report.processor for report in reports) / max(held.total(), 1)
    sys.stdout.write(
        f"{held.total()} trials, {sum(report.submissions for report in reports)} submissions, "
        f"{sum(report.fills for report in reports)} filled legs, {sum(report.lives for report in reports)} lives, "
        f"{len(violations)} violations, {seconds:.0f} s, {each:.2f} s of a processor each\n"
    )
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
