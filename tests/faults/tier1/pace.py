"""An event loop that does not wait for time to pass: where nothing else is to come, its clock leaps to the next timer.

What senex waits for in machine time it waits for in the loop's time (pauses
before another try, time-outs of calls), so only the loop's clock has to leap.
While there is work its time is the machine's: a busy machine makes nothing
come too late. Both ends of nearly every socket are in this process, so a loop
with nothing to read has nothing on its way; only Postgres may still answer.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

import httpcore2

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from selectors import SelectorKey

    from _typeshed import FileDescriptorLike

    Result = TypeVar("Result")

Given = TypeVarTuple("Given")

_AT_ONCE = 0.001
"""Seconds in which Postgres mostly answers."""
_PACE = 20.0
"""How much faster time runs while Postgres is waited for: it may be waiting for somebody here."""
_BUSY_ROUNDS = 4
"""Rounds of a loop that has work in which its sockets are looked at once: to ask costs as much as most work."""


class _Selector(selectors.DefaultSelector):
    def __init__(self, loop: LeapingLoop) -> None:
        super().__init__()
        self._loop = loop
        self._rounds = 0

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        if timeout is None:
            return super().select(timeout)
        if timeout <= 0:
            self._rounds = (self._rounds + 1) % _BUSY_ROUNDS
            return [] if self._rounds else super().select(timeout)
        began = time.monotonic()
        if ready := super().select(min(timeout, _AT_ONCE)):
            return ready
        if self._loop.driven:
            ready = super().select(timeout / _PACE)
            self._loop.leap(min(timeout, (time.monotonic() - began) * _PACE))
            return ready
        self._loop.leap(timeout - (time.monotonic() - began))
        return []


class LeapingLoop(asyncio.SelectorEventLoop):
    """Its time is the machine's and what it leapt."""

    def __init__(self) -> None:
        self._leapt = 0.0
        self.driven: set[object] = set()
        """Sockets a driver waits for; asyncio's own streams do not come this way."""
        super().__init__(_Selector(self))

    def time(self) -> float:
        return time.monotonic() + self._leapt

    def leap(self, seconds: float) -> None:
        """Go on that much later."""
        self._leapt += max(seconds, 0.0)

    def add_reader(self, fd: FileDescriptorLike, callback: Callable[[*Given], Any], *args: *Given) -> None:
        self.driven.add(fd)
        super().add_reader(fd, callback, *args)

    def remove_reader(self, fd: FileDescriptorLike) -> bool:
        self.driven.discard(fd)
        return super().remove_reader(fd)


def load_authorities_once() -> None:
    """Each client would read 150 certificates, for lines that are all plain: most of what a life costs."""
    httpcore2.default_ssl_context = cache(httpcore2.default_ssl_context)


def hurried(work: Coroutine[None, None, Result]) -> Result:
    """Run it to its end on such a loop."""
    with asyncio.Runner(loop_factory=LeapingLoop) as runner:
        return runner.run(work)
