"""One starter per instance: a kernel lock that dies with its process."""

from __future__ import annotations

import fcntl
import os
from typing import IO, TYPE_CHECKING

from senex.domain.errors import Unavailable

if TYPE_CHECKING:
    from pathlib import Path


class InstanceLock:
    """Held from start to stop. A killed starter's lock is free at once."""

    def __init__(self, path: Path, instance: str) -> None:
        self._path = path
        self._instance = instance
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Take the lock, or raise Unavailable naming the process that holds it."""
        file = os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as held:
            holder = file.read().strip()
            file.close()
            by = f" in process {holder}" if holder else ""
            raise Unavailable(
                "E_INSTANCE_BUSY",
                f"The instance '{self._instance}' is already running{by}; quit it there (`senex down` where `senex up` "
                "started it), or choose another name with SENEX_INSTANCE.",
            ) from held
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file

    def release(self) -> None:
        if self._file is not None:
            self._file.truncate(0)
            self._file.close()
            self._file = None
