"""The relay as a process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.processes import run_until_told, where
from daemon.relay import relay

if TYPE_CHECKING:
    from senex.config import DaemonSettings


def main(settings: DaemonSettings) -> int:
    """Be the relay, or its standby."""
    return run_until_told(
        settings,
        "relay",
        lambda: relay(
            direct_url=settings.direct_url,
            redis_url=settings.redis_url.get_secret_value(),
            instance=where(settings),
        ),
    )
