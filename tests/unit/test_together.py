"""Work that ends with each other, also where the first cancel is not heard."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from daemon.together import ended, together


async def _deaf() -> None:
    """Drop the first cancel, as a library does that writes through ``wait_for``."""
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    await asyncio.Event().wait()


async def _fails() -> None:
    await asyncio.sleep(0)
    raise LookupError("this one ended")


async def _alive() -> int:
    """How many tasks there are beside the one that asks."""
    await asyncio.sleep(0)
    return len(asyncio.all_tasks()) - 1


async def test_one_that_fails_ends_those_that_do_not_hear_the_first_cancel() -> None:
    async with asyncio.timeout(30):
        with pytest.raises(LookupError, match="this one ended"):
            await together(_deaf(), _fails(), asyncio.Event().wait(), again=0.01)
        assert await _alive() == 0


async def test_a_cancel_from_outside_ends_all() -> None:
    whole = asyncio.create_task(together(_deaf(), _deaf(), again=0.01))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    whole.cancel()
    async with asyncio.timeout(30):
        with pytest.raises(asyncio.CancelledError):
            await whole
        assert await _alive() == 0


async def test_one_that_was_cancelled_by_itself_ends_all() -> None:
    """Nobody would notice that it is missing."""
    quiet = asyncio.create_task(asyncio.Event().wait())

    async def follow() -> None:
        await quiet

    asyncio.get_running_loop().call_soon(quiet.cancel)
    async with asyncio.timeout(30):
        with pytest.raises(asyncio.CancelledError):
            await together(follow(), _deaf(), again=0.01)


async def test_what_has_ended_is_not_waited_for() -> None:
    task = asyncio.create_task(_fails())
    await asyncio.wait({task})
    await ended(task)
    assert isinstance(task.exception(), LookupError)
