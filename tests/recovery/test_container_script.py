"""The script in the Postgres image writes what senex restores, and restores it itself."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from daemon.backup.tools import find_tools
from daemon.backup.verify import verify
from daemon.embedded import EmbeddedServices
from daemon.embedded.database import ensure_database
from senex.machine import UNPRIVILEGED
from senex.store.migrate import migrate
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import LiteralString

SCRIPT = Path(__file__).parents[2] / "containers" / "backup"
pytestmark = pytest.mark.long


@pytest.fixture
def place(open_folder: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """A database of senex, and the environment of the service ``backup`` beside it."""
    with EmbeddedServices("script", root=open_folder) as endpoints:
        urls = ensure_database(endpoints)
        migrate(urls.owner, operator="trader")
        secret = endpoints.secrets.write("backup_url", urls.backup)
        backups = open_folder / "backups"
        backups.mkdir()
        bin_ = find_tools(None).folder
        yield (
            open_folder,
            {
                "PATH": f"{bin_}:{os.defpath}",
                "SENEX_BACKUP_DATABASE_URL_FILE": str(secret),
                "SENEX_BACKUP_FOLDER": str(backups),
                "SENEX_BACKUP_ACCOUNT": UNPRIVILEGED,
                "SENEX_BACKUP_OWNER": UNPRIVILEGED,
                "SENEX_BACKUP_SHIP_SECONDS": "1",
            },
        )


def script(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(SCRIPT), *words], env=environment, capture_output=True, text=True, check=False
    )


def test_both_read_what_it_writes(place: tuple[Path, dict[str, str]]) -> None:
    root, environment = place
    backups = Path(environment["SENEX_BACKUP_FOLDER"])
    running = subprocess.Popen(["sh", str(SCRIPT), "run"], env=environment, start_new_session=True)
    try:
        url = (root / "script/secrets/backup_url").read_text(encoding="utf-8").strip()
        with psycopg.connect(url, autocommit=True) as connection:

            def done(query: LiteralString, *given: object) -> bool:
                assert running.poll() is None
                return connection.execute(query, given).fetchone() == (True,)

            each = "SELECT count(*) = 3 FROM backup_state WHERE kind IN ('base', 'dump', 'wal') AND ok"
            eventually(lambda: done(each), "a backup of each kind")
            connection.execute("SELECT tell_backup('verify', true, 'the newest word')")
            [(told,)] = connection.execute(
                "SELECT done_at FROM backup_state WHERE kind = 'verify'"
            ).fetchall()
            healthy = script(environment, "healthy")
            after = "SELECT done_at > %s::timestamptz + '3 s' FROM backup_state WHERE kind = 'wal'"
            eventually(lambda: done(after, told), "the log of that word")
    finally:
        running.terminate()
        running.wait()
    assert healthy.returncode == 0, healthy.stderr

    found = verify(
        backups, work=root, key=None, encryption_keys=None, programs=None, narrate=lambda _line: None
    )
    assert found.ok, found
    assert found.reached is not None
    assert found.reached >= told
    verified = script(environment, "verify")
    assert verified.returncode == 0, verified.stderr
    if os.geteuid() == 0:  # then the server has an account of its own
        backups.chmod(0o700)
        closed = script(environment, "verify")
        backups.chmod(0o755)
        assert (closed.returncode, "E_BACKUP_FOLDER" in closed.stderr) == (2, True), closed.stderr

    again = script(environment, "now")
    assert again.returncode == 0, again.stderr
    data = root / "restored"
    restored = script({**environment, "PGDATA": str(data)}, "restore", str(backups))
    assert restored.returncode == 0, restored.stderr
    assert (data / "PG_VERSION").exists()
    assert not (data / "recovery.signal").exists()
    refused = script({**environment, "PGDATA": str(data)}, "restore", str(backups))
    assert refused.returncode == 4
    assert "E_RESTORE_EXISTS" in refused.stderr
    shutil.rmtree(data)
