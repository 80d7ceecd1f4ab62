"""What runs on this machine of an instance: a note its starter keeps, and a lock that cannot lie.

``senex up`` and ``senex demo`` hold the lock while they run, and the kernel frees it with their process;
the note only says more. Whoever asks holds nothing and changes nothing.
"""

from __future__ import annotations

import fcntl
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_LOCK, _NOTE = "lock", "running.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartHere:
    """A process under the starter: None as ``pid`` while it waits to be started again."""

    name: str
    pid: int | None
    starts: int
    last_exit: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """An instance on this machine. Unless it runs, only ``instance``, ``folder`` and ``killed`` say something."""

    instance: str
    folder: str
    running: bool
    killed: bool = False
    program: str | None = None
    pid: int | None = None
    environment: str | None = None
    since: str | None = None
    parts: tuple[PartHere, ...] = ()


def lock_file(folder: Path) -> Path:
    """The file whose lock the starter of the instance in ``folder`` holds."""
    return folder / _LOCK


def note(folder: Path, here: Here) -> None:
    """Keep what runs, whole or not at all."""
    part = folder / f".{_NOTE}"
    part.write_text(json.dumps(asdict(here)), encoding="utf-8")
    part.replace(folder / _NOTE)


def forget(folder: Path) -> None:
    """The starter ends in order."""
    (folder / _NOTE).unlink(missing_ok=True)


def look(instance: str, folder: Path) -> Here:
    """What runs of an instance; a note nobody can read counts as none."""
    told = _told(folder)
    if not _held(lock_file(folder)):
        return Here(instance=instance, folder=str(folder), running=False, killed=bool(told))
    try:
        parts = tuple(PartHere(**one) for one in told.pop("parts", ()))
        return Here(**{**told, "instance": instance, "folder": str(folder), "running": True}, parts=parts)
    except TypeError:
        return Here(instance=instance, folder=str(folder), running=True)


def _told(folder: Path) -> dict[str, Any]:
    try:
        told = json.loads((folder / _NOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _held(lock: Path) -> bool:
    """Whether somebody holds the lock; asking for a share of it disturbs nobody who does."""
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
