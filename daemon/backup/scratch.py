"""A Postgres server on a restored folder, reachable by a private socket only, for as long as a block lasts."""

from __future__ import annotations

import shutil
import signal
import tempfile
import time
from contextlib import contextmanager, suppress
from datetime import UTC
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import psutil
import psycopg

from daemon.embedded.processes import end, last_line, spawn
from senex.domain.errors import SenexError, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from daemon.backup.tools import Tools
    from senex.machine import Account

_TRUST = "local all all trust\n"
_LOOK = 0.1
_STOPS = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
_NOT_REACHED = "recovery ended before configured recovery target was reached"
_PORT = 5432


class Scratch:
    """A running scratch server."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def url(self, user: str = "postgres", database: str = "postgres") -> str:
        """A URL of it; nobody outside the socket's folder reaches it, so it asks for no password."""
        return f"postgresql://{quote(user)}@/{quote(database)}?host={quote(str(self._socket), safe='')}&port={_PORT}"

    def reached(self) -> datetime | None:
        """The last transaction that came from the log."""
        with psycopg.connect(self.url()) as connection:
            row = connection.execute("SELECT pg_last_xact_replay_timestamp()").fetchone()
        return None if row is None or row[0] is None else row[0].astimezone(UTC)


@contextmanager
def scratch_server(
    cluster: Path,
    *,
    tools: Tools,
    account: Account,
    log: Path,
    narrate: Callable[[str], None],
) -> Iterator[Scratch]:
    """Run the server until the block ends; entered once it has recovered and takes commands.

    Raises:
        UsageProblem: ``E_RESTORE_POINT`` when the log does not reach the point that was asked for.
        SenexError: ``E_RESTORE_START`` with the server's last line.
    """
    end_left(cluster)
    place = account.make_folder(Path(tempfile.mkdtemp(prefix="senex-scratch-")))
    trust = place / "pg_hba.conf"
    trust.write_text(_TRUST, encoding="utf-8")
    account.own(trust)
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(place),
        "port": str(_PORT),
        "hba_file": str(trust),
        "hot_standby": "off",
        "archive_mode": "off",
        "shared_buffers": "64MB",
        "max_wal_size": "256MB",
        "jit": "off",
        "ssl": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
    settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    log.unlink(missing_ok=True)
    child = spawn(
        [str(tools.folder / "postgres"), "-D", str(cluster), *settings],
        folder=cluster,
        account=account,
        log=log,
    )
    try:
        scratch = Scratch(place)
        narrate("replaying the write-ahead log")
        while not _answers(scratch):
            if child.poll() is not None:
                raise _why(log)
            time.sleep(_LOOK)
        yield scratch
    finally:
        if child.poll() is None:
            end([psutil.Process(child.pid)], _STOPS)
        child.wait()
        shutil.rmtree(place, ignore_errors=True)


def end_left(cluster: Path) -> None:
    """End the server whose starter was killed on an earlier try with this folder, and remove its socket's."""
    option = "unix_socket_directories="
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = process.cmdline()
            if ("-D", str(cluster)) in pairwise(words):
                end([process], _STOPS)
                for word in words:
                    if word.startswith(option):
                        shutil.rmtree(word.removeprefix(option), ignore_errors=True)


def _answers(scratch: Scratch) -> bool:
    try:
        with psycopg.connect(scratch.url(), connect_timeout=2) as connection:
            row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
            return row is not None and not row[0]
    except psycopg.OperationalError:
        return False


def _why(log: Path) -> SenexError:
    if _NOT_REACHED in log.read_text(encoding="utf-8", errors="replace"):
        return UsageProblem(
            "E_RESTORE_POINT",
            "The backups do not reach the point you asked for; leave --to out for the newest there is.",
        )
    return SenexError(
        "E_RESTORE_START", f"The restored database does not start: {last_line(log)}; its log is {log}."
    )
