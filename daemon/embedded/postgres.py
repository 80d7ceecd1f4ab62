"""The bundled Postgres: private cluster, SCRAM on 127.0.0.1, durable commits."""

from __future__ import annotations

import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

import psutil
import psycopg

from daemon.embedded.majors import major_of_server, refuse_other_major
from daemon.embedded.processes import living, server_environment
from daemon.embedded.server import Server
from daemon.embedded.storage import FULL_WORDS, disk_full, not_yours
from senex.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from daemon.embedded.places import Programs
    from senex.machine import Account

SUPERUSER = "postgres"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "max_wal_size": "256MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
}
_SINCE = {"io_method": ("sync", 18)}  # one machine, small data: no helper processes
# a backend would give its memory back after each statement, and take a third of the next one's time to get it again
_KEEP_MEMORY = {
    "MALLOC_TRIM_THRESHOLD_": str(8 << 20),
    "MALLOC_TOP_PAD_": str(256 << 10),
    "MALLOC_MMAP_THRESHOLD_": str(4 << 20),
}
_NEW_CLUSTER = 64 << 20
"""Bytes a fresh cluster and its first log take, and some."""
_PID_LINE, _PORT_LINE, _STATUS_LINE = 0, 3, 7


class PostgresServer(Server):
    """One instance's Postgres cluster in ``folder``."""

    title = "Postgres"
    code = "E_POSTGRES_START"
    program = "postgres"
    environment = _KEEP_MEMORY
    stop_steps = ((signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0))  # fast, then immediate shutdown

    def __init__(
        self,
        *,
        folder: Path,
        log: Path,
        account: Account,
        programs: Programs,
        password: str,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(folder=folder, log=log, account=account)
        self._programs = programs
        self._password = password
        self._more = settings or {}

    def prepare(self) -> None:
        if self.folder.exists() and self.folder.stat().st_uid != self.account.uid:
            raise not_yours(self.folder)
        refuse_other_major(self.folder, self._programs.postgres_bin)
        if not (self.folder / "PG_VERSION").exists():
            self._create_cluster()
        self._drop_recycled_pid_file()

    def command(self, port: int) -> list[str]:
        options = {**_SETTINGS, **self._of_major(), **self._more, "port": str(port)}
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return [self._programs.postgres("postgres"), "-D", str(self.folder), *settings]

    def _of_major(self) -> dict[str, str]:
        known = major_of_server(self._programs.postgres_bin) or 0
        return {name: value for name, (value, since) in _SINCE.items() if known >= since}

    def main_process(self, found: Sequence[psutil.Process]) -> tuple[psutil.Process, int] | None:
        lines = self._pid_file()
        if len(lines) <= _PORT_LINE or not lines[_PORT_LINE].strip().isdigit():
            return None
        main = next((process for process in found if str(process.pid) == lines[_PID_LINE].strip()), None)
        return None if main is None else (main, int(lines[_PORT_LINE]))

    def is_ready(self, pid: int, port: int) -> bool:
        lines = self._pid_file()
        if len(lines) <= _STATUS_LINE or lines[_PID_LINE].strip() != str(pid):
            return False
        return lines[_STATUS_LINE].strip() == "ready" and self._can_log_in(port)

    def _can_log_in(self, port: int) -> bool:
        try:
            with psycopg.connect(
                host=self.host,
                port=port,
                user=SUPERUSER,
                password=self._password,
                dbname="postgres",
                connect_timeout=2,
            ):
                return True
        except psycopg.OperationalError:
            return False

    def _create_cluster(self) -> None:
        """Run initdb aside and rename, so a crash never leaves half a cluster."""
        part = self.account.make_folder(self.folder.with_name("postgres.part"))
        shutil.rmtree(self.folder, ignore_errors=True)  # without PG_VERSION it is no cluster
        cluster, password_file = part / "cluster", part / "password"
        shutil.rmtree(cluster, ignore_errors=True)
        if shutil.disk_usage(part).free < _NEW_CLUSTER:  # initdb may die of it without a word
            raise disk_full(self.folder.parent)
        password_file.unlink(missing_ok=True)
        password_file.touch(mode=0o600)
        password_file.write_text(self._password + "\n", encoding="utf-8")
        self.account.own(password_file)
        lent = self.account.lent
        done = subprocess.run(
            [
                self._programs.postgres("initdb"),
                f"--pgdata={cluster}",
                f"--username={SUPERUSER}",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
            ],
            cwd=part,
            env=server_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            user=self.account.uid if lent else None,
            group=self.account.gid if lent else None,
            extra_groups=[] if lent else None,
        )
        password_file.unlink()
        if FULL_WORDS in done.stderr:
            raise disk_full(self.folder.parent)
        if done.returncode != 0:
            reason = (done.stderr.strip().splitlines() or ["initdb left no message"])[-1]
            raise Unavailable(
                self.code,
                f"The bundled Postgres could not make its data folder in {self.folder.parent}: {reason}.",
            )
        cluster.rename(self.folder)
        shutil.rmtree(part)

    def _pid_file(self) -> list[str]:
        try:
            return (self.folder / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return []

    def _drop_recycled_pid_file(self) -> None:
        """Remove a dead server's pid file whose number now belongs to another program.

        Postgres would take that program for its predecessor and refuse for ever. No
        process stands in the folder and we hold the instance's lock, so nobody is hurt.
        """
        lines = self._pid_file()
        if lines and not living(self.folder, self.program):
            number = lines[_PID_LINE].strip()
            if number.isdigit() and psutil.pid_exists(int(number)):
                (self.folder / "postmaster.pid").unlink()
