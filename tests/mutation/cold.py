"""A mutant in a process that imports senex anew: for what is not inside a function, and for the database."""

from __future__ import annotations

import importlib.abc
import importlib.util
import os
import pickle
import signal
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.mutation.servers import share

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_SLOWEST = 1800.0
"""Seconds after which a mutant hangs; the tests themselves end sooner, each by its own limit."""


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
        with ExitStack() as stack:
            share(world, template=_changed_template(stack, world, sql) if sql else "")
            code = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *suite]))
    finally:
        os._exit(code)


def _changed_template(stack: ExitStack, world: bytes, sql: str) -> str:
    from tests.servers import copied

    embedded, template = pickle.loads(world)  # noqa: S301  our own, through a pipe
    changed = stack.enter_context(copied(embedded, template))
    with psycopg.connect(embedded.postgres.superuser_url(changed), autocommit=True) as connection:
        connection.execute(sql.encode())
    return changed
