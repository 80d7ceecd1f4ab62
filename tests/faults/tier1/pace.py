"""An event loop whose time runs faster: a time-out of ten seconds costs half of one.

What senex waits for in machine time it waits for in the loop's time (pauses
before another try, time-outs of calls), so only the loop's clock has to hurry.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from functools import cache
from typing import TYPE_CHECKING, TypeVar

import httpcore2

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from selectors import SelectorKey

    Result = TypeVar("Result")

PACE = 20.0


class _Selector(selectors.DefaultSelector):
    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        return super().select(None if timeout is None else timeout / PACE)


class HurriedLoop(asyncio.SelectorEventLoop):
    """Twenty of its seconds pass in one."""

    def __init__(self) -> None:
        super().__init__(_Selector())

    def time(self) -> float:
        return time.monotonic() * PACE


def load_authorities_once() -> None:
    """Each client would read 150 certificates, for lines that are all plain: most of what a life costs."""
    httpcore2.default_ssl_context = cache(httpcore2.default_ssl_context)


def hurried(work: Coroutine[None, None, Result]) -> Result:
    """Run it to its end on such a loop."""
    with asyncio.Runner(loop_factory=HurriedLoop) as runner:
        return runner.run(work)
