"""The commands of docs/recovery.md, run as they stand there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from cryptography.fernet import Fernet

from daemon.embedded import EmbeddedServices
from daemon.embedded.database import ensure_database
from senex.domain.deployment import ahead, prefix
from senex.store.logins import Login, keep_login
from senex.store.migrate import migrate
from senex.store.vault import Vault
from tests.servers import server_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

PAGE = Path(__file__).parents[2] / "docs" / "recovery.md"
INSTANCE = "runbook"
pytestmark = pytest.mark.long


def commands(name: str) -> str:
    found = re.search(
        rf"<!-- tested: {name} -->\n```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL
    )
    assert found is not None, name
    return found.group(1)


class Host:
    """A machine by its data folder; its commands know the backups, and where keys and passphrase are."""

    def __init__(self, root: Path, apart: Path) -> None:
        self.root = root
        self.apart = apart
        self.services = EmbeddedServices(INSTANCE, root=self.root / "senex")

    def run(self, name: str, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{self.apart / 'bin'}:{os.defpath}",
            "HOME": str(self.root),
            "XDG_DATA_HOME": str(self.root),
            "SENEX_INSTANCE": INSTANCE,
            "SENEX_BACKUP_FOLDER": str(self.apart / "backups"),
            "SENEX_BACKUP_KEY_FILE": str(self.apart / "backup_key"),
            "SENEX_ESCROW_PASSPHRASE_FILE": str(self.apart / "passphrase"),
            "KEYS": str(self.apart),
            **more,
        }
        script = f"set -e\n{commands(name)}"
        return subprocess.run(
            ["sh", "-c", script], env=environment, capture_output=True, text=True, check=False
        )

    def deployment(self) -> UUID:
        with self.services as endpoints, psycopg.connect(ensure_database(endpoints).owner) as connection:
            [(found,)] = connection.execute("SELECT namespace FROM deployment").fetchall()
        namespace: UUID = found
        return namespace


@pytest.fixture
def apart(tmp_path: Path) -> Path:
    """What is on no machine: backups, keys, and the senex that is installed on each."""
    for name in ("backups", "bin"):
        (tmp_path / name).mkdir()
    (tmp_path / "passphrase").write_text("a passphrase of the runbook")
    (tmp_path / "backup_key").write_text("a backup key")
    senex = tmp_path / "bin" / "senex"
    senex.write_text(f'#!/bin/sh\nexec {sys.executable} -m senex "$@"\n')
    senex.chmod(0o755)
    return tmp_path


@pytest.fixture
def hosts(apart: Path) -> Iterator[tuple[Host, Host]]:
    with server_folder() as first, server_folder() as second:
        yield Host(first, apart), Host(second, apart)


def test_each_procedure_does_what_its_page_says(hosts: tuple[Host, Host]) -> None:
    first, second = hosts
    with first.services as endpoints:
        urls = ensure_database(endpoints)
        migrate(urls.owner, operator="trader")
        key = endpoints.secrets.read_or_make("encryption_key", lambda: Fernet.generate_key().decode())
        keep_login(urls.daemon, "simulated", Login(client_secret="one", refresh_token="two"), Vault(key))
        kept = first.run("escrow")
        assert kept.returncode == 0, kept.stderr
        assert "the keys open the token of simulated" in kept.stdout
    before = first.deployment()

    shutil.rmtree(first.services.root / "postgres")
    destroyed = first.run("database")
    assert destroyed.returncode == 0, destroyed.stderr
    restored = first.deployment()
    assert ahead(prefix(restored), before) == 1

    with first.services as endpoints:
        fenced = first.run("fence", SENEX_MIGRATOR_DATABASE_URL=ensure_database(endpoints).owner)
    assert fenced.returncode == 0, fenced.stderr
    assert ahead(prefix(first.deployment()), before) == 2

    lost = second.run("machine")
    assert lost.returncode == 0, lost.stderr
    assert ahead(prefix(second.deployment()), before) == 1
