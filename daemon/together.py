"""Work side by side of which all ends when one does, also where a library forgets that it was told to end.

Up to Python 3.11 ``asyncio.wait_for`` drops a cancel that comes in the moment its work is done, and redis-py sends each
command through it. ``asyncio.TaskGroup`` cancels once and then waits: for ever, if that one cancel was dropped.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

AGAIN_SECONDS = 1.0


async def together(*works: Coroutine[Any, Any, object], again: float = AGAIN_SECONDS) -> None:
    """Run them until the first ends, by an error as a rule, or this is cancelled; raise what it raised.

    The others are cancelled every ``again`` seconds until they have ended.
    """
    tasks = {asyncio.create_task(work) for work in works}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await ended(*tasks, again=again)
    for task in done:
        task.result()


async def ended(*tasks: asyncio.Task[Any], again: float = AGAIN_SECONDS) -> None:
    """Cancel them until they have ended; what they raise is not logged."""
    while left := [task for task in tasks if not task.done()]:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=again)
    for task in tasks:
        if not task.cancelled():
            task.exception()
