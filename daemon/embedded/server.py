"""What both bundled servers have in common: adopt or start, watch, stop."""

from __future__ import annotations

import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import psutil

from daemon.embedded.processes import LOOPBACK, end, free_port, last_line, living, port_is_free, spawn
from daemon.embedded.storage import FULL_WORDS, disk_full
from senex.domain.errors import Unavailable

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from senex.machine import Account

_STARTUP_SECONDS = 60.0  # a long recovery after a crash is a slow start, not a failure
_ATTEMPTS = 5
_POLL_SECONDS = 0.01
_RETRY_SECONDS = 0.4

Steps = Sequence[tuple[signal.Signals, float]]


class Server(ABC):
    """One bundled server of one instance, in its data folder ``folder``.

    Only the holder of the instance's lock may use it. ``port`` is set once the
    server has started, and stays the same when it is started again.
    """

    host = LOOPBACK
    title: str  # for sentences
    code: str  # of the error when it does not start
    program: str  # the process name
    environment: ClassVar[Mapping[str, str]] = {}  # beside every server's
    stop_steps: Steps  # to the main process: ask, insist
    orphan_steps: Steps = ((signal.SIGTERM, 2.0), (signal.SIGQUIT, 1.0), (signal.SIGKILL, 5.0))

    def __init__(self, *, folder: Path, log: Path, account: Account) -> None:
        self.folder = folder
        self.log = log
        self.account = account
        self.port = 0
        self.starts = 0
        """How often it was started here, by whoever keeps it now."""
        self._main: psutil.Process | None = None
        self._child: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def prepare(self) -> None:
        """Make the data folder and its configuration where they are missing."""

    @abstractmethod
    def command(self, port: int) -> list[str]:
        """Answer the command that runs the server in the foreground on ``port``."""

    @abstractmethod
    def main_process(self, found: Sequence[psutil.Process]) -> tuple[psutil.Process, int] | None:
        """Answer the main process among those ``found`` in the folder and its port, or None."""

    @abstractmethod
    def is_ready(self, pid: int, port: int) -> bool:
        """Say whether the server with that process id answers logins on ``port``."""

    def start(self, preferred: int = 0) -> None:
        """Adopt the server if it runs already, else start it; ``preferred`` is the port it had last.

        Raises Unavailable when it does not come up.
        """
        self.prepare()
        if not self._adopt():
            end(living(self.folder, self.program), self.orphan_steps)
            self._launch(preferred)

    @property
    def pid(self) -> int | None:
        """The main process while it lives."""
        return self._main.pid if self._main is not None and self.is_alive() else None

    def is_alive(self) -> bool:
        if self._child is not None:
            self._child.poll()  # lets a dead child go
        if self._main is None:
            return False
        try:
            return self._main.is_running() and self._main.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def revive(self) -> bool:
        """Start the server again on its old port if it has died; say whether it had."""
        if self.is_alive():
            return False
        end(living(self.folder, self.program), self.orphan_steps)
        self._launch(self.port, fixed=True)
        return True

    def stop(self) -> None:
        """Stop the server cleanly, insisting where it does not listen."""
        if self._main is not None or self._adopt():
            end([main for main in (self._main,) if main is not None], self.stop_steps)
        end(living(self.folder, self.program), self.orphan_steps)
        if self._child is not None:
            self._child.wait()
        self._main = self._child = None

    def _adopt(self) -> bool:
        found = living(self.folder, self.program)
        main = self.main_process(found)
        if main is None or not self.is_ready(main[0].pid, main[1]):
            return False
        self._main, self.port = main
        return True

    def _launch(self, preferred: int, *, fixed: bool = False) -> None:
        port = preferred
        for _ in range(_ATTEMPTS):
            if not fixed and not (port and port_is_free(port)):
                port = free_port()
            child = spawn(
                self.command(port),
                folder=self.folder,
                account=self.account,
                log=self.log,
                environment=self.environment,
            )
            if self._wait_until_ready(child, port):
                self._child, self._main, self.port = child, psutil.Process(child.pid), port
                self.starts += 1
                return
            time.sleep(
                _RETRY_SECONDS
            )  # somebody took the port, or a killed predecessor's children are still leaving
        if FULL_WORDS in (said := last_line(self.log)):
            raise disk_full(self.folder)
        raise Unavailable(
            self.code,
            f"The bundled {self.title} did not start: {said}; its log is {self.log}, and senex will try "
            "again when started again.",
        )

    def _wait_until_ready(self, child: subprocess.Popen[bytes], port: int) -> bool:
        deadline = time.monotonic() + _STARTUP_SECONDS
        while time.monotonic() < deadline:
            if child.poll() is not None:
                return False
            if self.is_ready(child.pid, port):
                return True
            time.sleep(_POLL_SECONDS)
        child.kill()
        child.wait()
        return False
