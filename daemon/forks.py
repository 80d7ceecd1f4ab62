"""Keeps forked children alive: what is imported once is shared by all of them.

The parent has one thread and only waits, so a fork copies nothing half-done. A child
that ends is forked again, after a pause that grows while it keeps failing.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from daemon.lineage import die_with_parent
from daemon.pauses import HEALTHY_SECONDS, SHORTEST, longer
from daemon.secret_files import LOOK_SECONDS
from senex.lean import give_back

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_GRACE_SECONDS = 5.0
_log = structlog.get_logger("senex.worker")


@dataclass(slots=True)
class Child:
    """One child: ``body`` runs in the fork and answers its exit code."""

    name: str
    body: Callable[[], int]
    pid: int = 0
    born: float = 0.0
    due: float = 0.0
    pause: float = field(default=SHORTEST)


class Forks:
    """The parent's loop over its children, until SIGTERM or SIGINT."""

    def __init__(self, children: Sequence[Child], *, ending: Callable[[], object]) -> None:
        """``ending`` is asked every second; once it says something, the parent stops as if told to."""
        self._children = children
        self._stopping = False
        self._ending = ending

    def run(self) -> int:
        """Fork all and keep them until told to stop; answer the exit code."""
        give_back()
        gc.freeze()
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        os.set_blocking(reader, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        while not self._stopping:
            now = time.monotonic()
            for child in self._children:
                if not child.pid and child.due <= now:
                    self._fork(child)
            select.select([reader], [], [], self._until_due())
            self._drain(reader)
            self._reap()
            if self._ending():
                self._stopping = True
        return self._end()

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _fork(self, child: Child) -> None:
        parent = os.getpid()
        child.born = time.monotonic()
        child.pid = os.fork()
        if child.pid:
            return
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            die_with_parent(parent)
            code = child.body()
        except SystemExit as leaving:
            code = leaving.code if isinstance(leaving.code, int) else 1
        except BaseException:  # noqa: BLE001 - the fork ends here, whatever happened in it
            _log.exception("ended", child=child.name)
        finally:
            sys.stderr.flush()
            os._exit(code)

    def _until_due(self) -> float:
        waits = [child.due - time.monotonic() for child in self._children if not child.pid]
        return max(min([*waits, LOOK_SECONDS]), 0)

    def _drain(self, reader: int) -> None:
        try:
            os.read(reader, 4096)
        except BlockingIOError:
            return

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            for child in self._children:
                if child.pid == pid:
                    self._note_end(child, os.waitstatus_to_exitcode(status))

    def _note_end(self, child: Child, code: int) -> None:
        now = time.monotonic()
        child.pid = 0
        child.due = now
        if code == 0:  # retired, its place is free at once
            child.pause = SHORTEST
            return
        if now - child.born > HEALTHY_SECONDS:
            child.pause = SHORTEST
        child.due = now + child.pause
        if not self._stopping:
            _log.warning("a child ended and is started again", child=child.name, code=code, pause=child.pause)
        child.pause = longer(child.pause, code)

    def _end(self) -> int:
        """Ask the children to leave, then insist."""
        deadline = time.monotonic() + _GRACE_SECONDS
        for child in self._children:
            if child.pid:
                os.kill(child.pid, signal.SIGTERM)
        while any(child.pid for child in self._children) and time.monotonic() < deadline:
            time.sleep(0.02)
            self._reap()
        for child in self._children:
            if child.pid:
                os.kill(child.pid, signal.SIGKILL)
                os.waitpid(child.pid, 0)
        return 0
