"""Imports without what nobody here uses: the daemon is nine processes, so each megabyte counts nine times.

Some libraries import large ones that they only support or hardly need. For the time of an import these are
absent, or stood in for until somebody really uses them.
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import contextmanager
from functools import cached_property
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def give_back() -> None:
    """Return memory that importing took for a while: compiling what has no bytecode yet leaves ten megabytes of it.

    The C library keeps it otherwise; one that is not GNU's is left alone.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


@contextmanager
def absent(*names: str) -> Iterator[None]:
    """Modules that cannot be imported within the block, unless they are already; for what is optional."""
    with _replaced(dict.fromkeys(names)):
        yield


@contextmanager
def stood_in_for(**modules: dict[str, Any]) -> Iterator[None]:
    """Modules of these names hold just these attributes within the block, unless they are already imported."""
    made: dict[str, ModuleType | None] = {}
    for name, attributes in modules.items():
        made[name] = ModuleType(name)
        vars(made[name]).update(attributes)
    with _replaced(made):
        yield


@contextmanager
def _replaced(modules: dict[str, ModuleType | None]) -> Iterator[None]:
    known: dict[str, Any] = sys.modules  # None tells Python that there is no such module
    ours = {name: module for name, module in modules.items() if known.get(name) is None}
    before = {name: known[name] for name in ours if name in known}
    known.update(ours)
    try:
        yield
    finally:
        for name in ours:
            del known[name]
        known.update(before)


class Later:
    """A value of a module that is imported when it is first used."""

    def __init__(self, module: str, make: Callable[[ModuleType], Any]) -> None:
        self._module, self._make = module, make

    @cached_property
    def _value(self) -> Any:
        return self._make(import_module(self._module))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._value, name)
