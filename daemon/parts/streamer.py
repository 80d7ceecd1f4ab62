"""The streamer as a process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.processes import run_until_told, where
from daemon.streamer import run

if TYPE_CHECKING:
    from senex.config import DaemonSettings


def main(settings: DaemonSettings) -> int:
    """Be the streamer, or its standby."""
    return run_until_told(settings, "streamer", lambda: run(settings, instance=where(settings)))
