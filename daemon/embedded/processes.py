"""Start, find and end server processes, our own children or another starter's orphans.

A server is known by its working folder: Postgres (with all its children) and
the Redis-protocol server both stand in their data folder. A process id in a
file may meanwhile belong to somebody else; the working folder of a live process
cannot lie.
"""

from __future__ import annotations

import random
import socket
import subprocess
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from senex.machine import Account

LOOPBACK = "127.0.0.1"
_LOG_LIMIT = 10_000_000
_PORTS = range(20_000, 32_000)  # below the ports the kernel lends to outgoing connections


def spawn(
    command: Sequence[str],
    *,
    folder: Path,
    account: Account,
    log: Path,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a server in ``folder`` as ``account``, deaf to our terminal's Ctrl+C."""
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(log.with_suffix(".old"))
    log.touch(mode=0o600)
    with log.open("ab") as sink:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=server_environment() | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=account.uid if account.lent else None,
            group=account.gid if account.lent else None,
            extra_groups=[] if account.lent else None,
        )


def server_environment() -> dict[str, str]:
    """Answer the servers' whole environment: nothing of ours, so no secret of ours."""
    return {"LC_ALL": "C", "PATH": "/usr/bin:/bin", "TZ": "UTC"}


def living(folder: Path, program: str) -> list[psutil.Process]:
    """Answer the live ``program`` processes that stand in ``folder``."""
    here = str(folder.resolve())
    return [process for process in psutil.process_iter() if _is_server(process, program, here)]


def _is_server(process: psutil.Process, program: str, folder: str) -> bool:
    try:
        if process.name() != program or process.status() == psutil.STATUS_ZOMBIE:
            return False
        try:
            return process.cwd() == folder
        except (
            psutil.AccessDenied
        ):  # root in a container may not look; both servers are started with their folder
            return folder in process.cmdline()
    except psutil.Error:  # gone meanwhile, or somebody else's
        return False


def end(processes: Sequence[psutil.Process], steps: Sequence[tuple[signal.Signals, float]]) -> None:
    """Send each signal of ``steps`` to those still alive and give them its seconds to leave."""
    alive = list(processes)
    for number, seconds in steps:
        for process in alive:
            try:
                process.send_signal(number)
            except psutil.NoSuchProcess:
                continue
        _, alive = psutil.wait_procs(alive, timeout=seconds)
        if not alive:
            return


def port_is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Answer a port on 127.0.0.1 nobody listens on; the caller retries when it loses the race."""
    candidates = random.SystemRandom().sample(_PORTS, k=200)
    return next(port for port in candidates if port_is_free(port))


def last_line(log: Path) -> str:
    """Answer the last line of a log, for the sentence that explains a failed start."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "it left no message")
