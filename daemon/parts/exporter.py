"""The exporter as a process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.exporter import serve
from daemon.processes import EXPORTER, run_until_told, where

if TYPE_CHECKING:
    from senex.config import DaemonSettings

_LOCAL = "127.0.0.1:9464"


def main(settings: DaemonSettings) -> int:
    """Serve metrics until SIGTERM or SIGINT."""
    address = settings.metrics_address or _LOCAL
    return run_until_told(
        settings, EXPORTER, lambda: serve(settings, address=address, instance=where(settings))
    )
