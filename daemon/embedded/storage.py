"""What a disk, a volume or an owner says no to, in one sentence with a code."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

from senex.domain.errors import SenexError, Unavailable, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FULL = (errno.ENOSPC, errno.EDQUOT)
FULL_WORDS = "No space left on device"


@contextmanager
def storage_errors(folder: Path) -> Iterator[None]:
    """Turn what the operating system says about ``folder`` into an error of ours."""
    try:
        yield
    except OSError as problem:
        raise explained(problem, folder) from problem


def explained(problem: OSError, folder: Path) -> SenexError:
    """The error of ours for what the operating system said about ``folder`` or something in it."""
    name = problem.filename if isinstance(problem.filename, str) else str(folder)
    if problem.errno in _FULL:
        return disk_full(folder)
    if problem.errno == errno.EROFS:
        return UsageProblem(
            "E_READ_ONLY",
            f"senex cannot write to {name}: its volume is mounted read-only; mount it for writing, or choose another "
            "data folder with XDG_DATA_HOME. Nothing was changed.",
        )
    if problem.errno in (errno.EACCES, errno.EPERM):
        return not_yours(name)
    return UsageProblem(
        "E_EMBEDDED_ROOT",
        f"senex cannot keep its data in {name}: {problem.strerror}; choose another folder with XDG_DATA_HOME.",
    )


def disk_full(folder: Path) -> Unavailable:
    """The error for a disk without room."""
    return Unavailable(
        "E_DISK_FULL",
        f"The disk that holds {folder} is full; make room on it and start senex again. Nothing is lost.",
    )


def not_yours(place: Path | str) -> UsageProblem:
    """The error for what another user owns."""
    return UsageProblem(
        "E_NOT_YOURS",
        f"senex may not use {place}: it belongs to another user or is closed to this one; run senex as its owner, "
        "give it back (chown), or choose another data folder with XDG_DATA_HOME. Nothing was changed.",
    )
