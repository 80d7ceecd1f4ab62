"""Mutants in forks of one process that has imported and collected everything.

Which test runs which line is found out once. A fork puts the mutant's code into
the function it changes, wherever that was imported to, and runs the tests that
run its lines until one fails: those first that have noticed most mutants so far, then the quickest.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import os
import pickle
import signal
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

import coverage
import pytest
from _pytest.main import pytest_runtestloop

from tests.mutation.servers import share

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from types import ModuleType
    from typing import Never

    from tests.mutation.mutants import Mutant

PATIENCE = 90
"""Seconds for one test under a mutant; each takes a few."""
_SLOWEST = 1800.0


@dataclass
class Known:
    """Which tests run which line of which module, and how long each takes; which fail without a mutant."""

    lines: dict[str, dict[int, list[str]]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def tests(self, path: str, lines: range | None = None) -> list[str]:
        """Those that run any of the lines, or anything of the module; the quickest first."""
        told = self.lines.get(path, {})
        found = {test for line, tests in told.items() if lines is None or line in lines for test in tests}
        return sorted(found, key=lambda test: (self.seconds.get(test, 0.0), test))


def learn(suite: Sequence[str], world: bytes, paths: Sequence[str]) -> Known:
    """Run the tests once as they are."""
    told, saying = os.pipe()
    if os.fork() == 0:
        _collected(suite, world, _Learner(paths, saying), patience=10 * PATIENCE)
    os.close(saying)
    with os.fdopen(told, "rb") as pipe:
        known = pickle.load(pipe)  # noqa: S301  our own
    os.wait()
    return known  # type: ignore[no-any-return]


def judge(
    suite: Sequence[str],
    world: bytes,
    known: Known,
    asked: Sequence[tuple[str, Mutant]],
    *,
    jobs: int,
    most: int | None,
) -> Iterator[tuple[str, Mutant, bool]]:
    """Whether each mutant survives, as it is found out."""
    told, saying = os.pipe()
    if os.fork() == 0:
        os.close(told)
        _collected(suite, world, _Judge(known, asked, saying, jobs=jobs, most=most), patience=PATIENCE)
    os.close(saying)
    with os.fdopen(told, "rb") as pipe:
        while True:
            try:
                number, alive = pickle.load(pipe)  # noqa: S301  our own
            except EOFError:
                break
            yield (*asked[number], alive)
    os.wait()


def _collected(suite: Sequence[str], world: bytes, plugin: object, *, patience: int) -> None:
    """Import and collect the tests, then let the plugin do with them what it does. Does not return."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    share(world)
    os._exit(pytest.main(["-q", "-x", f"--timeout={patience}", "-p", "no:cacheprovider", *suite], [plugin]))


class _Learner:
    def __init__(self, paths: Sequence[str], saying: int) -> None:
        self._known, self._saying = Known(), saying
        self._paths = {str(Path(path).resolve()): path for path in paths}
        self._coverage = coverage.Coverage(data_file=None, config_file=False, include=list(self._paths))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        began = time.monotonic()
        self._coverage.switch_context(item.nodeid)
        try:
            return (yield)
        finally:
            self._known.seconds[item.nodeid] = time.monotonic() - began

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._known.failed.append(report.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        self._coverage.start()
        try:
            return (yield)
        finally:
            self._coverage.stop()
            data = self._coverage.get_data()
            for whole, path in self._paths.items():
                self._known.lines[path] = dict(data.contexts_by_lineno(whole))
            with os.fdopen(self._saying, "wb") as pipe:
                pickle.dump(self._known, pipe)


class _Judge:
    def __init__(
        self,
        known: Known,
        asked: Sequence[tuple[str, Mutant]],
        saying: int,
        *,
        jobs: int,
        most: int | None,
    ) -> None:
        self._known, self._asked, self._saying = known, asked, saying
        self._jobs, self._most = jobs, most
        self._running: dict[int, tuple[int, float, int]] = {}
        self._noticed = Counter[str]()
        self._failed = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed = report.nodeid

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        gc.freeze()
        items = {item.nodeid: item for item in session.items}
        for number, (path, mutant) in enumerate(self._asked):
            tests = self._known.tests(path, mutant.lines)[: self._most]
            if not tests:
                self._say(number, alive=True)
                continue
            while len(self._running) >= self._jobs:
                self._wait()
            tests.sort(key=lambda test: -self._noticed[test])
            told, saying = os.pipe()
            pid = os.fork()
            if pid == 0:
                self._be(session, [items[test] for test in tests], path, mutant, saying)
            os.close(saying)
            self._running[pid] = (number, time.monotonic() + _SLOWEST, told)
        while self._running:
            self._wait()
        return True

    def _wait(self) -> None:
        """Until one has ended."""
        while True:
            for pid, (number, deadline, told) in list(self._running.items()):
                done, status = os.waitpid(pid, os.WNOHANG)
                if not done and time.monotonic() > deadline:
                    with suppress(ProcessLookupError):
                        os.killpg(pid, signal.SIGKILL)
                    done, status = os.waitpid(pid, 0)
                if done:
                    del self._running[pid]
                    with os.fdopen(told) as pipe:
                        self._noticed[pipe.read()] += 1
                    self._say(number, alive=os.waitstatus_to_exitcode(status) == 0)
                    return
            time.sleep(0.02)

    def _say(self, number: int, *, alive: bool) -> None:
        os.write(self._saying, pickle.dumps((number, alive)))

    def _be(
        self, session: pytest.Session, items: list[pytest.Item], path: str, mutant: Mutant, saying: int
    ) -> Never:
        """The fork: become the mutant, be tested, and say which test noticed. Does not return."""
        code = 1
        try:
            os.setsid()
            put_in(path, mutant.function, mutant.source)
            session.items = items
            with suppress(pytest.Session.Failed, pytest.Session.Interrupted):
                pytest_runtestloop(session)
            os.write(saying, self._failed.encode())
            code = 1 if session.testsfailed else 0
        finally:
            os._exit(code)


def put_in(path: str, name: str, source: str) -> None:
    """Give the function of a module that is imported the code it has in another source."""
    module = importlib.import_module(path.removesuffix(".py").replace("/", "."))
    changed = {code.co_qualname: code for code in _codes(compile(source, path, "exec"))}
    _function(module, name).__code__ = changed[name]


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _codes(each)


def _function(module: ModuleType, name: str) -> FunctionType:
    """The function itself, whatever was put around it."""
    *owners, last = name.split(".")
    place: Any = module
    for owner in owners:
        place = getattr(place, owner)
    found = inspect.getattr_static(place, last)
    for inner in ("__func__", "fget", "func"):
        found = getattr(found, inner, found)
    found = inspect.unwrap(found)
    assert isinstance(found, FunctionType), name
    return found
