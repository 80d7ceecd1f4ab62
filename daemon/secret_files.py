"""A process holds its secrets from its start on; when their files change, it ends, and whoever keeps it starts it anew.

So a secret is rotated by writing its file: nobody has to find every process, and none goes on with the old one.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LOOK_SECONDS = 1.0
_log = structlog.get_logger("senex.security")


class Held:
    """The secret files a process was started with, and whether they still say the same."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = files
        self._stamps = {name: _stamp(path) for name, path in files.items()}
        self._texts = {name: _digest(path) for name, path in files.items()}
        self._doubted: dict[str, bytes] = {}

    def changed(self) -> str | None:
        """The setting whose file has said something else on two looks in a row; a file that is gone says nothing."""
        for name, path in self._files.items():
            stamp = _stamp(path)
            if stamp is None or (stamp == self._stamps[name] and name not in self._doubted):
                continue
            self._stamps[name] = stamp
            text = _digest(path)
            if text is None or text == self._texts[name]:
                self._doubted.pop(name, None)
            elif self._doubted.get(name) == text:
                _log.info(
                    "a secret was changed; this process ends and is started with the new one", setting=name
                )
                return name
            else:
                self._doubted[name] = text
        return None


async def said_else(files: Sequence[Path]) -> None:
    """Return once one of them says something else, also that it can be read, or cannot."""
    before = [_digest(path) for path in files]
    while [_digest(path) for path in files] == before:  # noqa: ASYNC110  files tell nobody
        await asyncio.sleep(LOOK_SECONDS)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _digest(path: Path) -> bytes | None:
    try:
        text = path.read_bytes()
    except OSError:
        return None
    return hashlib.sha256(text).digest() if text.strip() else None
