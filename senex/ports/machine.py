"""The machine a process runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from senex.domain.machine import Disk


class Machine(Protocol):
    """What can be seen of it from inside."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    def disks(self) -> tuple[Disk, ...]:
        """The file systems senex writes to, each once."""
        ...


class Unwatched:
    """A machine of which nothing is known."""

    name = "this machine"

    def disks(self) -> tuple[Disk, ...]:
        """None."""
        return ()
