"""The supervisor of the processes."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

from daemon.processes import EXPORTER, NAMES
from daemon.supervisor import Part, Supervisor
from senex.config import BackupSettings, child_environment, load

if TYPE_CHECKING:
    from senex.config import DaemonSettings


def main(settings: DaemonSettings) -> int:
    """Keep all of them alive until SIGTERM or SIGINT."""
    asyncio.run(_supervise(settings))
    return 0


async def _supervise(settings: DaemonSettings) -> None:
    environment = child_environment("part")
    names = NAMES if settings.metrics_address is None else (*NAMES, EXPORTER)
    parts = [Part(name, [sys.executable, "-m", "daemon", name], environment) for name in names]
    if load(BackupSettings).backup_folder is not None:
        keeping = [sys.executable, "-m", "daemon.backup", "keep"]
        parts.append(Part("backup", keeping, child_environment("backup")))
    supervisor = Supervisor(parts, prefix=not settings.log_json)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, supervisor.stop)
    await supervisor.run()
