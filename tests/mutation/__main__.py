"""``python -m tests.mutation``: change the modules that submit and book, and print how many changes the tests notice.

One process is warmed up and forked for each mutant, which runs the tests of its
module until the first one fails. ``--named`` takes away what must never be
missing instead: the compare-and-swap, the commit before the POST, and what keeps
attempts, entries, targets, fills and external ids single.
"""

from __future__ import annotations

import argparse
import importlib.abc
import importlib.util
import os
import pickle
import random
import signal
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.mutation.mutants import Mutant, mutants

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from daemon.embedded import Endpoints

_BOOKS = (
    "tests/integration/test_use_cases.py",
    "tests/integration/test_money_path.py",
    "tests/integration/test_resolve.py",
    "tests/integration/test_replace.py",
)
SUITES: dict[str, tuple[str, ...]] = {
    "senex/services/execute.py": (*_BOOKS, "tests/integration/test_limits.py"),
    "senex/services/resolve.py": _BOOKS,
    "senex/services/orphans.py": _BOOKS,
    "senex/services/record_fill.py": _BOOKS,
    "senex/services/follow.py": (*_BOOKS, "tests/integration/test_exits.py"),
    "senex/services/cancel.py": _BOOKS,
    "senex/services/replace.py": _BOOKS,
    "senex/domain/orders.py": ("tests/unit/domain", *_BOOKS),
    "senex/domain/fills.py": ("tests/unit/domain",),
    "senex/domain/lots.py": ("tests/unit/domain",),
}
_SLOWEST = 1800.0
"""Seconds after which a mutant hangs; the tests themselves end sooner, each by its own limit."""
_FORGOTTEN = (
    "senex.services",
    "senex.domain",
    "daemon.handlers",
    "daemon.jobs",
    "senex.store",
    "senex.broker",
)


@dataclass(frozen=True)
class Named:
    """Something that must not be missing: a text of a module to be replaced, or statements on the template."""

    what: str
    module: str = ""
    text: str = ""
    instead: str = ""
    sql: str = ""


NAMED = (
    Named(
        "the compare-and-swap's status",
        "senex/store/repositories/orders.py",
        "WHERE id = :attempt AND status = :before",
        "WHERE id = :attempt AND :before = :before",
    ),
    Named(
        "the commit before the POST",
        "senex/services/execute.py",
        'took this order; senex looks again.")\n        await tx.commit()',
        'took this order; senex looks again.")',
    ),
    Named("the index one_live_attempt", sql="DROP INDEX one_live_attempt"),
    Named("the index one_entry", sql="DROP INDEX one_entry"),
    Named("the index one_target", sql="DROP INDEX one_target"),
    Named(
        "that a fill is booked once",
        sql="ALTER TABLE fill DROP CONSTRAINT fill_order_id_symbol_fill_id_key",
    ),
    Named(
        "that an external id is unique",
        sql="ALTER TABLE attempt DROP CONSTRAINT attempt_external_identifier_key",
    ),
)


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from another source."""

    def __init__(self, path: str, source: str) -> None:
        self._name = path.removesuffix(".py").replace("/", ".")
        self._path, self._source = path, source

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        del path, target
        if fullname != self._name:
            return None
        return importlib.util.spec_from_loader(fullname, self, origin=str(Path(self._path).resolve()))

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = str(Path(self._path).resolve())
        exec(compile(self._source, module.__file__, "exec"), module.__dict__)  # noqa: S102  the mutant itself


class Servers:
    """Postgres and a migrated template in a process of their own; what a child needs to know, pickled."""

    def __enter__(self) -> bytes:
        reading, writing = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            _serve(writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            return pipe.read()

    def __exit__(self, *_: object) -> None:
        os.kill(self._pid, signal.SIGINT)
        os.waitpid(self._pid, 0)


def _serve(writing: int) -> None:
    from tests.servers import make_template, open_servers

    with suppress(KeyboardInterrupt), open_servers() as embedded:
        told = pickle.dumps((embedded, make_template(embedded)))
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(told)
        signal.pause()
    os._exit(0)


def survives(suite: Sequence[str], world: bytes, *, path: str = "", source: str = "", sql: str = "") -> bool:
    """Whether the tests pass all the same."""
    pid = os.fork()
    if pid == 0:
        _be(suite, world, path, source, sql)
    deadline = time.monotonic() + _SLOWEST
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.02)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return False  # it hangs, which a test notices by its own time limit


def _be(suite: Sequence[str], world: bytes, path: str, source: str, sql: str) -> None:
    """The child: import the mutant and test it. Does not return."""
    os.setsid()
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    if path:
        sys.meta_path.insert(0, _Changed(path, source))
    code = 1
    try:
        import tests.servers

        embedded, template = pickle.loads(world)  # noqa: S301  our own, through a pipe
        with ExitStack() as stack:
            if sql:
                template = stack.enter_context(tests.servers.copied(embedded, template))
                with psycopg.connect(
                    embedded.postgres.superuser_url(template), autocommit=True
                ) as connection:
                    connection.execute(sql.encode())

            @contextmanager
            def shared() -> Iterator[Endpoints]:
                yield embedded

            tests.servers.open_servers = shared
            tests.servers.make_template = lambda embedded: str(template)  # noqa: ARG005  the real one's name
            code = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *suite]))
    finally:
        os._exit(code)


def _named(world: bytes) -> list[str]:
    """Take away each of the named things; which of them nobody misses."""
    missed = []
    suite = _BOOKS
    _sound(suite, world)
    for one in NAMED:
        changed = ""
        if one.module:
            source = Path(one.module).read_text(encoding="utf-8")
            if one.text not in source:
                raise SystemExit(f"{one.what}: the text to take away is not in {one.module}")
            changed = source.replace(one.text, one.instead)
        alive = survives(suite, world, path=one.module, source=changed, sql=one.sql)
        sys.stdout.write(f"{'SURVIVES' if alive else 'killed':9} without {one.what}\n")
        sys.stdout.flush()
        if alive:
            missed.append(one.what)
    return missed


def _sound(suite: Sequence[str], world: bytes) -> None:
    """Without a change the tests must pass, else every mutant would look noticed."""
    if not survives(suite, world):
        raise SystemExit(f"the tests fail without a mutant too: {' '.join(suite)}")


def _score(path: str, chosen: list[Mutant], world: bytes) -> int:
    killed = 0
    _sound(SUITES[path], world)
    for each in chosen:
        alive = survives(SUITES[path], world, path=path, source=each.source)
        killed += not alive
        if alive:
            sys.stdout.write(f"SURVIVES {path}:{each.line} {each.what}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{path}: {killed} of {len(chosen)} noticed ({killed / max(len(chosen), 1):.0%})\n")
    sys.stdout.flush()
    return killed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--module", choices=sorted(SUITES), action="append", help="only this one")
    parser.add_argument("--sample", type=int, help="so many mutants of each module, drawn by --seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--named", action="store_true", help="only what must never be missing")
    asked = parser.parse_args()
    failed = False
    with Servers() as world:
        if asked.named or not asked.module:
            failed = bool(_named(world))
        total = killed = 0
        for path in [] if asked.named else asked.module or SUITES:
            every = mutants(Path(path).read_text(encoding="utf-8"))
            chosen = every
            if asked.sample is not None:
                chosen = random.Random(asked.seed).sample(every, min(asked.sample, len(every)))
            noticed = _score(path, chosen, world)
            total, killed = total + len(chosen), killed + noticed
            failed |= path == "senex/services/execute.py" and noticed < 0.9 * len(chosen)
    if total:
        sys.stdout.write(f"{killed} of {total} changes noticed ({killed / total:.0%})\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
