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


def ask_before_exec(parent: int, number: signal.Signals = signal.SIGKILL) -> None:
    """The same between fork and exec, where only the kernel's way survives."""
    if _LIBC is not None:
        die_with_parent(parent, number)


def _watch(parent: int, number: signal.Signals) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os.kill(os.getpid(), number)


def kill_group(leader: int, number: signal.Signals) -> None:
    """Send a signal to the process group ``leader`` leads, if there still is one."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)
