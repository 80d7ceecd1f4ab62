"""The four files a process keeps: all, errors, trading, security; rotated, and swept after 90 days.

Each process has a folder of its own. Should two share one after all (two instances
with one SENEX_LOG_DIR), a lock lets one of them rotate and each writes whole lines
to whatever file is the current one. A disk that is full, or a folder that is gone,
costs the lines and never more.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MEGABYTE = 1024 * 1024
KEPT_DAYS = 90
_SWEEP_SECONDS = 3600.0
_SAID_SECONDS = 60.0
_DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the four: its size, how many closed ones are kept, and what goes into it."""

    name: str
    size: int
    closed: int
    takes: Callable[[logging.LogRecord], bool]


def _of(logger: str) -> Callable[[logging.LogRecord], bool]:
    return lambda record: record.name == logger


KINDS = (
    Kind("application", 50 * MEGABYTE, 10, lambda _record: True),
    Kind("errors", 50 * MEGABYTE, 10, lambda record: record.levelno >= logging.ERROR),
    Kind("trading", 100 * MEGABYTE, 20, _of("senex.trading")),
    Kind("security", 50 * MEGABYTE, 10, _of("senex.security")),
)


def kept_files(folder: Path, process: str, megabytes: int | None = None) -> list[logging.Handler]:
    """The handlers of a process; nothing is opened before there is something to write."""
    sweep(folder)
    kinds = KINDS if megabytes is None else [replace(kind, size=megabytes * MEGABYTE) for kind in KINDS]
    return [KeptFile(folder / process / f"{kind.name}.log", kind) for kind in kinds]


def sweep(folder: Path, *, days: int = KEPT_DAYS) -> None:
    """Remove closed files that nobody has written to for so many days, whichever process they are of."""
    oldest = time.time() - days * _DAY_SECONDS  # noqa: TID251  files have machine times
    with suppress(OSError):
        for path in folder.glob("*/*.log.*"):
            with suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()


class Discreet(logging.Handler):
    """A handler that says which line it could not make, never what stood in it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  logging's name
        """Say it on stderr."""
        problem = sys.exc_info()[0]
        name = "?" if problem is None else problem.__name__
        with suppress(OSError, ValueError):
            sys.stderr.write(
                f"senex: a line could not be logged ({name}, {record.pathname}:{record.lineno}).\n"
            )


class KeptFile(Discreet):
    """Appends lines to a file that never grows beyond its kind's size."""

    def __init__(self, path: Path, kind: Kind) -> None:
        super().__init__()
        self._path = path
        self._kind = kind
        self._file: int | None = None
        self._said = -_SAID_SECONDS
        self._swept = time.monotonic()
        self.addFilter(kind.takes)

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line, in one go; what prevents it is said on stderr, once a minute."""
        try:
            line = (self.format(record) + "\n").encode("utf-8", "backslashreplace")
            self._write(line)
            self._sweep_sometimes()
        except OSError as problem:
            self._release()
            self._say(problem)
        except Exception:  # noqa: BLE001  a line that cannot be made must not cost the work it is about
            self.handleError(record)

    def close(self) -> None:
        """Let go of the file."""
        self._release()
        super().close()

    def _write(self, line: bytes) -> None:
        file = self._current()
        if os.fstat(file).st_size + len(line) > self._kind.size:
            file = self._rotate(file)
        while line:
            line = line[os.write(file, line) :]

    def _current(self) -> int:
        """The file at the path, which another process may have rotated away or an operator removed."""
        if self._file is not None:
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(self._file), self._path.stat()):
                    return self._file
            self._release()
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return self._file

    def _rotate(self, file: int) -> int:
        """Close the file under its number 1; answer the new one. Whoever is second finds it done."""
        fcntl.flock(file, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file), self._path.stat()):
                for number in range(self._kind.closed - 1, 0, -1):
                    with suppress(FileNotFoundError):
                        self._numbered(number).replace(self._numbered(number + 1))
                self._path.replace(self._numbered(1))
        return self._current()

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def _release(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                os.close(file)

    def _sweep_sometimes(self) -> None:
        if time.monotonic() - self._swept > _SWEEP_SECONDS:
            self._swept = time.monotonic()
            sweep(self._path.parents[1])

    def _say(self, problem: OSError) -> None:
        if time.monotonic() - self._said > _SAID_SECONDS:
            self._said = time.monotonic()
            with suppress(OSError, ValueError):
                sys.stderr.write(
                    f"senex: {self._path} cannot be written ({problem.strerror}); work goes on.\n"
                )
