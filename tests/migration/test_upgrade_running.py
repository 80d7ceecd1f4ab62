"""`senex upgrade` on an instance that runs, with a version to come whose only news is one migration more."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from senex.here import look
from senex.store.schema import shipped
from tests.installations import SENEX, Installation, installation
from tests.versions import version_to_come

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]
PARTS = ("worker", "scheduler", "streamer", "relay")
BOOKS = (
    "SELECT id, status, broker_order_id, limit_price, kind FROM trade_order ORDER BY id",
    "SELECT id, order_id, status FROM attempt ORDER BY id",
    "SELECT order_id, symbol, fill_id, quantity, price FROM fill ORDER BY order_id, symbol, fill_id",
    "SELECT id, status, units FROM position ORDER BY id",
)


class Running:
    """An instance that was brought up, and the versions to come in folders of their own."""

    def __init__(self, one: Installation, folder: Path) -> None:
        self.one = one
        self._folder = folder
        one.settings = {"SENEX_BACKUP_FOLDER": str(one.folder / "backups")}
        (one.folder / "backups").mkdir()
        done = one.senex("up", "--json")
        assert done.returncode == 0, done.stderr
        self._owner = one.root / "secrets" / "run_migrator_database_url"

    def to_come(self, *migrations: str) -> Path:
        """A version with as many migrations more, each of which also does what is said."""
        return version_to_come(self._folder / f"next-{len(list(self._folder.iterdir()))}", *migrations)

    def upgrade(self, version: Path, *words: str) -> tuple[int, dict[str, Any], str]:
        """Exit code, what it printed, and its last sentence."""
        secrets = {"SENEX_MIGRATOR_DATABASE_URL_FILE": str(self._owner)}
        done = subprocess.run(
            [*SENEX, "upgrade", "--yes", "--json", *words],
            env=self.one.environment() | secrets,
            cwd=version,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert "Traceback" not in done.stderr, done.stderr
        told = json.loads(done.stdout) if done.returncode == 0 else {}
        return done.returncode, told, done.stderr

    def restart(self) -> tuple[str, str]:
        """What has every process of the daemon end; whoever keeps them starts them again."""
        pids = [str(part.pid) for part in look(self.one.instance, self.one.root).parts if part.name in PARTS]
        assert len(pids) >= len(PARTS)
        return "--restart", f"kill {' '.join(pids)}"

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._owner.read_text().strip()) as connection:
            return connection.execute(query.encode()).fetchall()

    def books(self) -> list[list[tuple[Any, ...]]]:
        return [self.rows(query) for query in BOOKS]

    def state(self) -> tuple[str, str]:
        [(state, reason)] = self.rows("SELECT state, reason FROM trading_state")
        return state, reason

    def version(self) -> str:
        [(version,)] = self.rows("SELECT version_num FROM alembic_version")
        return str(version)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with installation() as one:
        yield Running(one, tmp_path)


def test_an_upgrade_keeps_orders_books_and_state(running: Running) -> None:
    newest = shipped()[0]
    running.one.story()
    before = running.books()
    assert "working" in {row[1] for row in before[0]}  # the targets
    assert running.state()[0] == "active"

    code, _, said = running.upgrade(running.to_come("ALTER TABLE nowhere ADD COLUMN it int"))
    assert code == 4
    assert said.splitlines()[-1].endswith("[E_UPGRADE_MIGRATE]"), said
    assert running.version() == newest
    assert running.state()[0] == "reduce_only"
    assert running.books() == before

    good = running.to_come("SELECT 1")
    code, told, said = running.upgrade(good, *running.restart())
    assert code == 0, said
    assert told["revision"] == running.version() == f"{int(newest) + 1:04d}"
    assert len(told["resumed"]) == 1
    assert running.state() == ("active", "upgrade is done")
    assert running.books() == before
    assert running.rows("SELECT * FROM difference") == []
    assert list((running.one.folder / "backups").glob("*/base/*/SHA256SUMS"))
    # those that were started anew are of the version before, and so is this console
    assert running.one.senex("orders", "list").returncode == 0
    assert running.one.senex("sync").returncode == 0

    own = "upgrade of my desk"
    tightened = running.one.senex("state", "set", "reduce_only", "--reason", own)
    assert tightened.returncode == 0, tightened.stderr
    code, told, said = running.upgrade(running.to_come("SELECT 1", "SELECT 2"), *running.restart())
    assert code == 0, said
    assert told["resumed"] == []
    assert running.state() == ("reduce_only", own)
    assert running.books() == before
