"""``python -m tests.soak --seed N --sessions 21``: the whole daemon through a virtual month, and a verdict."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import time
from datetime import date
from typing import TYPE_CHECKING, Any

from tests.servers import make_open_folder
from tests.soak.month import DAY_GRID, Plan, play

if TYPE_CHECKING:
    from tests.soak.month import Report


MONTHS = (
    date(2026, 6, 1),  # Juneteenth
    date(2026, 10, 19),  # the clocks go back
    date(2026, 11, 9),  # Thanksgiving, and half a day after it
    date(2026, 12, 7),  # half a day, Christmas, New Year
    date(2027, 3, 1),  # the clocks go forward; Good Friday
)
"""Where the seeds begin, one after the other: together they see all that a calendar has."""


def tell(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line, default=str) + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=1, help="so many, from --seed on")
    parser.add_argument("--sessions", type=int, default=21)
    parser.add_argument(
        "--from", dest="first", type=date.fromisoformat, help="by the seed, where it is not said"
    )
    parser.add_argument("--pace", type=int, default=5, help="minutes: no interval of the schedule is shorter")
    parser.add_argument("--calm", action="store_true", help="nothing is killed")
    asked = parser.parse_args()
    failed = False
    for seed in range(asked.seed, asked.seed + asked.seeds):
        failed |= bool(_one(seed, asked).violations)
    return 1 if failed else 0


def _one(seed: int, asked: argparse.Namespace) -> Report:
    began, folder = time.monotonic(), make_open_folder(quick=True)
    first = asked.first or MONTHS[(seed - 1) % len(MONTHS)]
    wanted = Plan(seed=seed, first=first, sessions=asked.sessions, pace=asked.pace, harm=not asked.calm)
    report = asyncio.run(play(folder, wanted, tell))
    again = f"python -m tests.soak --seed {seed} --sessions {asked.sessions} --from {first}"
    again += f" --pace {asked.pace}" * (asked.pace > DAY_GRID) + " --calm" * asked.calm
    tell(
        {
            "verdict": "violated" if report.violations else "held",
            "violations": report.violations,
            "seconds": round(time.monotonic() - began),
            "again": again,
            "folder": str(folder) if report.violations else None,
        }
    )
    if not report.violations:
        shutil.rmtree(folder, ignore_errors=True)
    return report


if __name__ == "__main__":
    sys.exit(main())
