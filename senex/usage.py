"""What a process uses, by Linux's /proc; elsewhere nothing is known."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_AFTER_NAME = 2
"""Fields of ``/proc/PID/stat`` before the state, the name in brackets being the second."""
_USER, _SYSTEM, _CHILD_USER, _CHILD_SYSTEM = (field - _AFTER_NAME for field in (13, 14, 15, 16))


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU with that of children that have ended; memory with shared pages."""

    cpu_seconds: float
    resident_bytes: int


def usage(pid: int) -> Usage | None:
    """Of a process of this host, None when it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1]
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    ticks = sum(int(fields[place]) for place in (_USER, _SYSTEM, _CHILD_USER, _CHILD_SYSTEM))
    return Usage(ticks / os.sysconf("SC_CLK_TCK"), int(pages) * os.sysconf("SC_PAGE_SIZE"))
