"""The scheduler as a process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.processes import run_until_told, where
from daemon.scheduler import schedule

if TYPE_CHECKING:
    from senex.config import DaemonSettings


def main(settings: DaemonSettings) -> int:
    """Be the scheduler, or its standby."""
    return run_until_told(
        settings,
        "scheduler",
        lambda: schedule(
            direct_url=settings.direct_url,
            redis_url=settings.redis_url.get_secret_value(),
            clock_url=settings.clock_url,
            instance=where(settings),
            environment=settings.environment,
            dead_man_url=None if settings.dead_man_url is None else settings.dead_man_url.get_secret_value(),
        ),
    )
