"""This machine, as the operating system describes it."""

from __future__ import annotations

import shutil
import socket
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from senex.config import instance_folder, log_folder
from senex.domain.machine import Disk

if TYPE_CHECKING:
    from collections.abc import Iterable

    from senex.config import DaemonSettings


class ThisMachine:
    """``ports.machine.Machine`` for folders senex writes to."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = tuple(folders)
        self.name = socket.gethostname()

    def disks(self) -> tuple[Disk, ...]:
        """Each file system once, under the first folder on it; a folder to come counts as its parent."""
        found: dict[int, Disk] = {}
        for folder in self._folders:
            with suppress(OSError):
                there = next(path for path in (folder, *folder.parents) if path.exists())
                space = shutil.disk_usage(there)
                whole = space.used + space.free  # what is reserved for root nobody here can use
                if whole:
                    found.setdefault(there.stat().st_dev, Disk(str(there), Decimal(space.used) / whole))
        return tuple(found.values())


def folders(settings: DaemonSettings) -> tuple[Path, ...]:
    """Where senex writes on this machine, a bundled database among it, and the system itself."""
    logs = settings.log_dir or log_folder(settings.instance)
    return Path("/"), logs, instance_folder(settings.instance)
