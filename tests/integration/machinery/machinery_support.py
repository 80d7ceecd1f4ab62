"""What the tests of the daemon's machinery share: processes, a database, waiting for facts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import psycopg

from daemon.queues import connect_queues
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

_PART = Path(__file__).with_name("machinery_part.py")
_NOTED = """
CREATE TABLE ran (id bigserial PRIMARY KEY, outbox_id bigint, job text, pid int, parent int)
"""


class Stage:
    """A database with the schema, a Redis, and the parts of a daemon started on both."""

    def __init__(self, postgres: str, redis: str) -> None:
        self.postgres, self.redis = postgres, redis
        self.queues = connect_queues(redis)
        self.sql = psycopg.connect(postgres, autocommit=True)
        self.sql.execute(_NOTED)
        self.queues.flushdb()
        self.parts: list[subprocess.Popen[bytes]] = []

    def start(self, part: str, **more: Any) -> subprocess.Popen[bytes]:
        """Start a part as a process group of its own."""
        given = {
            "postgres": self.postgres,
            "redis": self.redis,
            "instance": f"test{len(self.parts)}",
            **more,
        }
        command = [sys.executable, str(_PART), part, json.dumps(given)]
        process = subprocess.Popen(command, start_new_session=True)
        self.parts.append(process)
        return process

    def add(self, job: str, queue: str = "trading") -> int:
        """Add work; answer its id."""
        row = self.sql.execute(
            "INSERT INTO outbox (queue, job, subject) VALUES (%s, %s, '') RETURNING id", (queue, job)
        ).fetchone()
        assert row
        return int(row[0])

    def one(self, query: str, *values: Any) -> Any:
        """The first column of the first row, None without a row."""
        row = self.sql.execute(query, values).fetchone()
        return row[0] if row else None

    def done(self, outbox_id: int) -> bool:
        return self.one("SELECT done_at FROM outbox WHERE id = %s", outbox_id) is not None

    def runs(self, outbox_id: int) -> int:
        return int(self.one("SELECT count(*) FROM ran WHERE outbox_id = %s", outbox_id))

    def close(self) -> None:
        """End every part and what it started."""
        for part in self.parts:
            end(part)
        self.sql.close()
        self.queues.close()


@contextmanager
def stage(postgres: str, redis: str) -> Iterator[Stage]:
    """A stage that is cleared away afterwards."""
    one = Stage(postgres, redis)
    try:
        yield one
    finally:
        one.close()


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and all below it; a test that wants it to leave in order waits for that itself."""
    family = descendants(process.pid) if process.poll() is None else []
    process.kill()
    process.wait()
    for one in family:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    psutil.wait_procs(family, timeout=PATIENCE)


def descendants(pid: int) -> list[psutil.Process]:
    """Every live process below ``pid``."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def kill_server(program: str, root: Path) -> None:
    """Kill every process of a bundled server whose data lie below ``root``."""
    for process in psutil.process_iter():
        try:
            if process.name() == program and process.cwd().startswith(str(root)):
                process.kill()
        except psutil.Error:  # gone, or somebody else's
            continue


def gone(process: psutil.Process) -> bool:
    """Whether a process has ended."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
