"""``enter.py NAMESPACE HOSTNAME COMMAND…``: become that command on that host. Run by itself, so that it is quick."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
from pathlib import Path

CLONE_NEWNET, CLONE_NEWUTS = 0x40000000, 0x04000000
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


def enter_network(namespace: str) -> None:
    """Put the calling thread into a network namespace made by ``ip netns add``."""
    with Path("/run/netns", namespace).open() as place:
        if LIBC.setns(place.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")


def main() -> None:
    """Enter, take the name, and become the command."""
    namespace, name, *command = sys.argv[1:]
    enter_network(namespace)
    if LIBC.unshare(CLONE_NEWUTS):
        raise OSError(ctypes.get_errno(), "cannot have a host name of its own")
    socket.sethostname(name)
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # a test that is killed leaves no host running
    os.execvp(command[0], command)  # noqa: S606  the command it was made for


if __name__ == "__main__":
    main()
