"""A database at another version than this senex needs: everything says so in one sentence, and leaves it alone."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest

from daemon.processes import EXPORTER, NAMES
from senex.config import child_environment
from senex.domain.errors import UsageProblem
from senex.store.migrate import migrate
from tests.waiting import PATIENCE, eventually

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from daemon.embedded import Endpoints

_NOWHERE = "127.0.0.1:9"
_CONSOLES = (("senex", "status"), ("senex", "orders", "list"), ("senex", "health", "postgres", "--ready"))


def _start(embedded: Endpoints, database: str, words: Sequence[str], log: Path) -> subprocess.Popen[str]:
    url = embedded.postgres.superuser_url(database)
    environment = child_environment("demo") | {
        "SENEX_ENVIRONMENT": "simulated",
        "SENEX_DATABASE_URL": url,
        "SENEX_MIGRATOR_DATABASE_URL": url,
        "SENEX_CONSOLE_DATABASE_URL": url,
        "SENEX_CONSOLE_REDIS_URL": embedded.redis.console_url(),
        "SENEX_REDIS_URL": embedded.redis.daemon_url(),
        "SENEX_BROKER_REST_URL": f"http://{_NOWHERE}",
        "SENEX_BROKER_ALERTS_URL": f"ws://{_NOWHERE}/alerts",
        "SENEX_BROKER_CLIENT_SECRET": "none",
        "SENEX_BROKER_REFRESH_TOKEN": "none",
        "SENEX_CLOCK_URL": f"ws://{_NOWHERE}/clock",
        "SENEX_LOG_DIR": str(log.parent / "logs"),
    }
    if words[0] == "senex" and words[1] != "db":
        environment["SENEX_ENVIRONMENT"] = "sandbox"  # real time: no clock is asked for before the database
        del environment["SENEX_CLOCK_URL"]
    with log.open("wb") as sink:
        return subprocess.Popen(
            [sys.executable, "-m", *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            text=True,
        )


def _set(embedded: Endpoints, database: str, version: str) -> None:
    with psycopg.connect(embedded.postgres.superuser_url(database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = %s", (version,))
        connection.execute("COMMENT ON TABLE alembic_version IS 'runs senex from 9999'")


def _version(embedded: Endpoints, database: str) -> str:
    with psycopg.connect(embedded.postgres.superuser_url(database)) as connection:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert row is not None
    return str(row[0])


def test_a_newer_database_is_refused(embedded: Endpoints, database: str, tmp_path: Path) -> None:
    _set(embedded, database, "9999")
    asked = [*(("daemon", name) for name in (*NAMES, EXPORTER)), ("senex", "db", "migrate"), *_CONSOLES]
    running = [
        (words, log := tmp_path / f"{number}.log", _start(embedded, database, words, log))
        for number, words in enumerate(asked)
    ]
    for words, log, process in running:
        code = process.wait(timeout=PATIENCE)
        said = log.read_text()
        assert "E_DATABASE_NEWER" in said, (words, said)
        assert code in ((1, 2) if words[:2] == ("senex", "health") else (2,)), (words, code)
        assert "9999" in said
        assert "Traceback" not in said
    assert _version(embedded, database) == "9999"


@pytest.mark.long
def test_an_older_database_is_waited_for(embedded: Endpoints, database: str, tmp_path: Path) -> None:
    """Processes of the daemon wait and say for what; commands refuse; a migration lets all of them go on."""
    needed = _version(embedded, database)
    _set(embedded, database, "0001")
    for number, words in enumerate(_CONSOLES):
        log = tmp_path / f"console-{number}.log"
        assert _start(embedded, database, words, log).wait(timeout=PATIENCE) in (1, 2)
        assert "E_DATABASE_SCHEMA" in log.read_text()
        assert "senex db migrate" in log.read_text()
    names = (*NAMES, EXPORTER)
    logs = {name: tmp_path / f"{name}.log" for name in names}
    running = {name: _start(embedded, database, ("daemon", name), logs[name]) for name in names}
    try:
        for name in names:
            log = logs[name]
            eventually(lambda log=log: "senex db migrate" in log.read_text(), f"{name} says so")  # type: ignore[misc]
            assert running[name].poll() is None
        _set(embedded, database, needed)
        for name in ("relay", "scheduler"):
            eventually(lambda name=name: _beats(embedded, database, name), f"{name} goes on")  # type: ignore[misc]
    finally:
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.wait(timeout=PATIENCE)


def _beats(embedded: Endpoints, database: str, name: str) -> bool:
    with psycopg.connect(embedded.postgres.superuser_url(database)) as connection:
        return connection.execute("SELECT 1 FROM heartbeat WHERE name = %s", (name,)).fetchone() is not None


def test_a_version_that_is_lost_is_not_guessed(embedded: Endpoints, database: str, owner_url: str) -> None:
    """Tables without their version are somebody's work: nothing is made over them."""
    with psycopg.connect(embedded.postgres.superuser_url(database)) as connection:
        connection.execute("DELETE FROM alembic_version")
    with pytest.raises(UsageProblem) as refused:
        migrate(owner_url, operator="trader")
    assert refused.value.code == "E_DATABASE_FOREIGN"
    with psycopg.connect(embedded.postgres.superuser_url(database)) as connection:
        assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (0,)
        assert connection.execute("SELECT count(*) > 0 FROM job_schedule").fetchone() == (True,)
