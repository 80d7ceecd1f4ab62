"""Processes that die with their parent, and are stopped as whole groups.

Killing a supervisor with SIGKILL leaves it no time to stop anybody, so each child
asks the kernel to be killed with its parent. Where the kernel cannot do that, a
thread of the child watches for a new parent.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_WATCH_SECONDS = 0.5


def die_with_parent(parent: int | None = None, number: signal.Signals = signal.SIGKILL) -> None:
    """Have this process killed when ``parent`` (its process id) ends, by default the present parent.

    The kernel watches the thread that made this process: parents start their children
    from the main thread.
    """
    expected = os.getppid() if parent is None else parent
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    else:
        threading.Thread(target=_watch, args=(expected, number), daemon=True, name="lineage").start()
    if os.getppid() != expected:  # it ended before we asked
        os.kill(os.getpid(), number)


def bound(command: Sequence[str], number: signal.Signals = signal.SIGKILL) -> list[str]:
    """Answer the command that runs ``command`` so that it gets ``number`` when this process ends.

    It passes through this file, run by itself: nothing of Python may run between fork and
    exec in a process with threads.
    """
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(int(number)), *command]


def _watch(parent: int, number: signal.Signals) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os.kill(os.getpid(), number)


def kill_group(leader: int, number: signal.Signals) -> None:
    """Send a signal to the process group ``leader`` leads, if there still is one."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


if __name__ == "__main__":
    if _LIBC is not None:  # elsewhere nothing of it would survive the exec
        die_with_parent(int(sys.argv[1]), signal.Signals(int(sys.argv[2])))
    os.execvp(sys.argv[3], sys.argv[3:])  # noqa: S606 - the command it was made for
