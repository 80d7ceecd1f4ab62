"""A process's pulse on its own machine: a file touched whenever Postgres has taken a heartbeat.

Health checks ask every process all day; one that finds the pulse fresh needs neither Postgres nor its driver.
The file is a hint: without it, or once it is old, the heartbeats in Postgres say what is wrong.
A process that cannot work leaves its last word beside it, which needs no Postgres either.
"""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path

FRESH = 5.0
"""Seconds after which a pulse says nothing any more."""


def _folder(instance: str) -> Path:
    return Path(tempfile.gettempdir()) / f"senex-{os.geteuid()}" / instance


def _file(name: str, instance: str) -> Path:
    installation, _, place = instance.partition("@")
    return _folder(installation) / f"{name}@{place}".replace("/", "-")


def touch(name: str, instance: str) -> None:
    """Leave the pulse of a process named as its heartbeat is; where that cannot be, there is none."""
    file = _file(name, instance)
    with suppress(OSError):
        if not _ours(file.parent.parent):
            return
        file.parent.mkdir(mode=0o700, exist_ok=True)
        file.touch(mode=0o600)


def forget(name: str, instance: str) -> None:
    """Take the pulse away: the process ends on purpose."""
    with suppress(OSError):
        _file(name, instance).unlink()


def complain(service: str, installation: str, why: str) -> None:
    """Leave why a process of this service cannot work."""
    file = _complaint(service, installation)
    with suppress(OSError):
        if _ours(file.parent.parent):
            file.parent.mkdir(mode=0o700, exist_ok=True)
            file.write_text(why, encoding="utf-8")


def complaint(service: str, installation: str) -> str | None:
    """Why a process of this service could not work when it last tried; None once one could."""
    file = _complaint(service, installation)
    try:
        return file.read_text(encoding="utf-8") if _ours(file.parent.parent) else None
    except (OSError, UnicodeDecodeError):
        return None


def content(name: str, instance: str) -> None:
    """Take back what was complained of: a process named as its heartbeat is works."""
    with suppress(OSError):
        _complaint(name.split(maxsplit=1)[0], instance.partition("@")[0]).unlink()


def _complaint(service: str, installation: str) -> Path:
    return _folder(installation) / f"{service}.why"


def age(service: str, installation: str) -> float | None:
    """Seconds since the newest pulse of a service (``worker`` is all workers); None without a fresh one."""
    folder = _folder(installation)
    try:
        files = list(folder.iterdir()) if _ours(folder.parent) else []
        theirs = [file for file in files if file.name.split("@")[0].split()[0] == service]
        now = time.time()  # noqa: TID251  files are dated by the machine
        ages = [abs(now - file.stat().st_mtime) for file in theirs]
    except OSError:
        return None
    return min((one for one in ages if one <= FRESH), default=None)


def _ours(folder: Path) -> bool:
    """Whether the folder is this account's and nobody else's; it is made if there is none."""
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    return status.st_uid == os.geteuid() and not status.st_mode & 0o077
