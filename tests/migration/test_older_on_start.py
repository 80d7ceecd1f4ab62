"""A database that `senex up` or `senex demo` finds at an older schema: kept, then migrated, or left as it is."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest

from daemon.demo.migrating import back_up, migrate
from daemon.embedded import EmbeddedServices
from daemon.embedded.database import ensure_database
from senex.config import child_environment
from senex.domain.errors import Unavailable
from senex.store.migrate import bootstrap, status
from senex.store.schema import shipped
from tests.installations import installation
from tests.versions import revisions, to

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OLDEST, NEWEST = revisions()[0], shipped()[0]
ACCOUNT = """
INSERT INTO account (id, broker, environment, number, nickname, margin_or_cash, option_level, closed, closing_only,
                     risk_preset, created_at, updated_at)
VALUES (%s, 'tastytrade', 'simulated', 'A1', '', 'Margin', 'all', false, false, 'moderate', now(), now())
"""


class Found:
    """An instance as it was left by the version before, with or without books."""

    def __init__(self, root: Path, url: str) -> None:
        self.root, self.url = root, url
        self.backups = root / "one" / "backups"
        self.told: list[str] = []

    def start(self, folder: Path) -> None:
        """What `senex up` does about it; backups go to the folder."""
        settings = {"SENEX_INSTANCE": "one", "SENEX_BACKUP_FOLDER": str(folder)}
        environment = child_environment("backup") | settings
        migrate(
            self.url,
            operator="trader",
            keep=lambda: back_up(self.root, environment),
            narrate=self.told.append,
        )

    def trade(self) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(ACCOUNT.encode(), (uuid4(),))
            connection.execute("INSERT INTO deployment (id, namespace) VALUES (1, %s)", (uuid4(),))


@contextmanager
def left(root: Path, instance: str) -> Iterator[Found]:
    """Its servers run for the block."""
    with EmbeddedServices(instance, root=root) as endpoints:
        url = ensure_database(endpoints).owner
        bootstrap(url)
        to(url, OLDEST)
        yield Found(root, url)


@pytest.fixture
def found(open_folder: Path) -> Iterator[Found]:
    with left(open_folder, "one") as one:
        yield one


def test_books_are_backed_up_before_they_are_migrated(found: Found) -> None:
    found.trade()
    (closed := found.root / "closed").write_text("a file, no folder")
    with pytest.raises(Unavailable) as refused:
        found.start(closed)
    assert refused.value.code == "E_UP_BACKUP"
    assert "[E_BACKUP_FOLDER]" in refused.value.message
    assert status(found.url) == (OLDEST, NEWEST)

    found.backups.mkdir()
    found.start(found.backups)
    assert status(found.url) == (NEWEST, NEWEST)
    [about] = found.backups.glob("*/base/*/about")
    assert OLDEST in about.read_text()
    assert len(found.told) == 2

    found.start(found.backups)  # at the newest there is nothing to keep
    assert len(list(found.backups.glob("*/base/*"))) == 1


def test_a_database_without_books_is_migrated_at_once(found: Found) -> None:
    found.start(found.backups)
    assert status(found.url) == (NEWEST, NEWEST)
    assert found.told == []
    assert not found.backups.exists()


@pytest.mark.long
@pytest.mark.timeout(400)
def test_up_keeps_what_it_migrates() -> None:
    with installation() as one:
        with left(one.root.parent, one.instance) as before:
            before.trade()
        done = one.senex("up", "--json")
        assert done.returncode == 0, done.stderr
        assert f"brought from {OLDEST} to {NEWEST}" in done.stderr
        [about] = (one.root / "backups").glob("*/base/*/about")
        assert f"revision={OLDEST}" in about.read_text()
        assert one.senex("down").returncode == 0
