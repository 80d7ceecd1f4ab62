"""Tasks that nobody waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio


def report(task: asyncio.Task[None]) -> None:
    """Let a task that failed be heard of; one whose client has gone just ends."""
    problem = None if task.cancelled() else task.exception()
    if problem is not None and not isinstance(problem, ConnectionError):
        task.get_loop().call_exception_handler(
            {"message": f"{task.get_coro()!r} failed", "exception": problem, "task": task}
        )
