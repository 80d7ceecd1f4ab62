"""A database that a newer senex has migrated is left alone."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest

from senex.config import child_environment

if TYPE_CHECKING:
    from daemon.embedded import Endpoints


@pytest.mark.parametrize(
    "words", [("daemon", "relay"), ("daemon", "worker"), ("senex", "db", "migrate")], ids=" ".join
)
def test_a_newer_database_is_refused(embedded: Endpoints, database: str, words: tuple[str, ...]) -> None:
    database_url = embedded.postgres.superuser_url(database)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    nowhere = "127.0.0.1:9"
    environment = child_environment("demo") | {
        "SENEX_ENVIRONMENT": "simulated",
        "SENEX_DATABASE_URL": database_url,
        "SENEX_MIGRATOR_DATABASE_URL": database_url,
        "SENEX_REDIS_URL": embedded.redis.daemon_url(),
        "SENEX_BROKER_REST_URL": f"http://{nowhere}",
        "SENEX_BROKER_ALERTS_URL": f"ws://{nowhere}/alerts",
        "SENEX_BROKER_CLIENT_SECRET": "none",
        "SENEX_BROKER_REFRESH_TOKEN": "none",
        "SENEX_CLOCK_URL": f"ws://{nowhere}/clock",
    }

    ended = subprocess.run(
        [sys.executable, "-m", *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 2, ended.stderr
    assert "E_DATABASE_NEWER" in ended.stderr
    assert "9999" in ended.stderr
    assert "Traceback" not in ended.stderr
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)
