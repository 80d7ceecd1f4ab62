"""``python -m tests.mutation``: change the modules that submit and book, and print how many changes the tests notice.

Which test runs which line is found out first; a mutant meets only the tests that
run it, those first that have noticed most, then the quickest, until one fails. ``--named`` takes away what must
never be missing instead: the compare-and-swap, the commit before the POST, and
what keeps decisions, orders, attempts, targets, exits, fills and ids single.
"""

from __future__ import annotations

import argparse
import pickle
import random
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from tests.mutation import cold, warm
from tests.mutation.equivalent import EQUIVALENT
from tests.mutation.mutants import Mutant, mutants
from tests.mutation.named import NAMED
from tests.mutation.servers import Servers

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULES = (
    "senex/services/execute.py",
    "senex/services/record_fill.py",
    "senex/services/resolve.py",
    "senex/services/orphans.py",
    "senex/services/follow.py",
    "senex/services/cancel.py",
    "senex/services/replace.py",
    "senex/domain/orders.py",
    "senex/domain/fills.py",
    "senex/domain/lots.py",
)
SUBMISSION = MODULES[0]
BAR = 0.9
"""What of the submission module must be noticed."""
BOOKS = (
    "tests/integration/test_kept_single.py",
    "tests/integration/test_use_cases.py",
    "tests/integration/test_money_path.py",
    "tests/integration/test_resolve.py",
    "tests/integration/test_replace.py",
)
SUITE = (
    "tests/unit/domain/test_orders.py",
    "tests/unit/domain/test_fills_lots.py",
    "tests/unit/domain/test_closing.py",
    "tests/unit/domain/test_replay.py",
    "tests/integration/test_one_post.py",
    "tests/integration/test_ahead.py",
    *BOOKS,
    "tests/integration/test_limits.py",
    "tests/integration/test_exits.py",
    "tests/integration/test_cover.py",
    "tests/integration/test_reconcile.py",
    "tests/integration/test_live_one_lot.py",
    "tests/integration/test_replace_order.py",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--module", choices=MODULES, action="append", help="only this one")
    parser.add_argument("--sample", type=int, help="so many mutants of each module, drawn by --seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--line", type=int, action="append", help="only mutants of this line")
    parser.add_argument("--named", action="store_true", help="only what must never be missing")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--most", type=int, help="so many tests a mutant, the quickest; more might notice")
    parser.add_argument(
        "--known", type=Path, help="keep here which test runs which line, or read it from here"
    )
    asked = parser.parse_args()
    failed = False
    with Servers() as world:
        if asked.named or not asked.module:
            failed = bool(_named(world))
        if not asked.named:
            modules = asked.module or MODULES
            known = _known(world, asked.known)
            chosen = [
                (path, each)
                for path in modules
                for each in _drawn(path, asked.sample, asked.seed)
                if not asked.line or each.line in asked.line
            ]
            failed |= _score(world, known, chosen, jobs=asked.jobs, most=asked.most)
    return 1 if failed else 0


def _named(world: bytes) -> list[str]:
    """Take away each of the named things; which of them nobody misses."""
    missed = []
    if not cold.survives(BOOKS, world):
        raise SystemExit("the tests fail without a mutant too")
    for one in NAMED:
        if cold.survives(BOOKS, world, path=one.module, source=one.source(), sql=one.sql):
            missed.append(one.what)
        _say(f"{'SURVIVES' if one.what in missed else 'killed':9} without {one.what}")
    return missed


def _known(world: bytes, kept: Path | None) -> warm.Known:
    """Without a change the tests must pass, else every mutant would look noticed."""
    if kept is not None and kept.exists():
        return pickle.loads(kept.read_bytes())  # type: ignore[no-any-return]  # noqa: S301
    known = warm.learn(SUITE, world, MODULES)
    if known.failed:
        raise SystemExit(f"the tests fail without a mutant too: {' '.join(known.failed)}")
    if kept is not None:
        kept.write_bytes(pickle.dumps(known))
    return known


def _drawn(path: str, sample: int | None, seed: int) -> list[Mutant]:
    """The mutants of a module, but for those that change nothing anybody could see."""
    every = [
        each
        for each in mutants(Path(path).read_text(encoding="utf-8"))
        if (path, each.what) not in EQUIVALENT
    ]
    if sample is None or sample >= len(every):
        return every
    return random.Random(seed).sample(every, sample)


def _score(
    world: bytes, known: warm.Known, chosen: list[tuple[str, Mutant]], *, jobs: int, most: int | None
) -> bool:
    """Print what nobody notices, and how much of each module is noticed; whether that is too little."""
    made, alive = Counter(path for path, _ in chosen), Counter[str]()
    for path, mutant, lives in _judged(world, known, chosen, jobs=jobs, most=most):
        if lives:
            alive[path] += 1
            _say(f"SURVIVES {path}:{mutant.line} {mutant.what}")
    shares = {path: _noticed(path, number, alive[path]) for path, number in made.items()}
    _noticed("all", made.total(), alive.total())
    return shares.get(SUBMISSION, 1.0) < BAR


def _judged(
    world: bytes, known: warm.Known, chosen: list[tuple[str, Mutant]], *, jobs: int, most: int | None
) -> Iterator[tuple[str, Mutant, bool]]:
    inside = [one for one in chosen if one[1].function]
    yield from warm.judge(SUITE, world, known, inside, jobs=jobs, most=most)
    for path, mutant in chosen:
        if not mutant.function:
            tests = known.tests(path)[:most]
            yield path, mutant, cold.survives(tests, world, path=path, source=mutant.source)


def _noticed(name: str, made: int, alive: int) -> float:
    share = (made - alive) / max(made, 1)
    _say(f"{name}: {made - alive} of {made} noticed ({share:.1%})")
    return share


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
