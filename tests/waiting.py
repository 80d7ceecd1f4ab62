"""How tests wait: for facts, as long as a machine busy with everything else may need, never longer than that.

Patience costs time only where the fact never comes. Polls are not counted: how much happens
between two of them depends on the machine.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Found = TypeVar("Found")

PATIENCE = 90.0
_LOOK = 0.02


class Ending(Protocol):
    """A process that can be waited for."""

    def wait(self, timeout: float | None = None) -> int: ...


def eventually(fact: Callable[[], Found | None], what: str = "it", *, seconds: float = PATIENCE) -> Found:
    """Wait until ``fact`` answers something true, and answer that."""
    deadline = time.monotonic() + seconds
    while not (found := fact()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(_LOOK)
    return found


async def until(
    fact: Callable[[], Awaitable[Found | None]], what: str = "it", *, seconds: float = PATIENCE
) -> Found:
    """The same for a fact that has to be awaited; the loop runs meanwhile."""
    deadline = time.monotonic() + seconds
    while not (found := await fact()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(_LOOK)
    return found


def ended(process: Ending) -> int:
    """The exit code of a process that is on its way out."""
    return process.wait(timeout=PATIENCE)
