"""``python -m tests.faults.tier2.nursery``: begins and ends processes of the daemon, as forks of one that has imported.

A process of the daemon spends most of its start on imports. What begins here is
a process of its own all the same, with its own settings, and leads a group.
Orders come in and answers go out line by line, as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from importlib import import_module

from daemon.lineage import die_with_parent, kill_group
from daemon.processes import settings_or_exit
from senex.broker.session import preload

PARTS = ("worker", "relay")


def main() -> int:
    """Until nobody gives orders any more."""
    for part in PARTS:
        import_module(f"daemon.parts.{part}")
    preload()
    for line in sys.stdin:
        order = json.loads(line)
        answer = _end(order["end"]) if "end" in order else _begin(**order)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()
    return 0


def _begin(*, begin: str, settings: dict[str, str], log: str) -> int:
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.setsid()
        die_with_parent(parent)
        quiet = os.open(os.devnull, os.O_RDONLY)
        told = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        for number, replacement in ((0, quiet), (1, told), (2, told)):
            os.dup2(replacement, number)
        os.environ.clear()  # noqa: TID251  as if it had been started with them
        os.environ.update(settings)  # noqa: TID251
        code = import_module(f"daemon.parts.{begin}").main(settings_or_exit(begin))
    finally:
        os._exit(code)


def _end(leader: int) -> int:
    """SIGKILL for the whole group; returns once its leader is gone."""
    kill_group(leader, signal.SIGKILL)
    os.waitpid(leader, 0)
    return leader


if __name__ == "__main__":
    sys.exit(main())
