"""Fixtures every suite may use: real servers for the session, a fresh database per test."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg import sql

from daemon.embedded import EmbeddedServices, Endpoints
from senex.domain.errors import Unavailable
from senex.store.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

# The same examples for everybody, and no verdict that depends on how busy the machine is;
# "search" looks for new ones (pytest --hypothesis-profile=search).
settings.register_profile(
    "same", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("search", settings.get_profile("same"), derandomize=False, max_examples=1000)
settings.load_profile("same")

_PREFIX = f"senex-test-{os.geteuid()}-"
_SESSION, _TEMPLATE = "session", "senex_template"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A fresh folder the servers' account can reach, also when the tests run as root."""
    folder = _make_open_folder()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def embedded() -> Iterator[Endpoints]:
    """Postgres and the Redis-protocol server of this test session, shared by all its tests."""
    _end_killed_sessions()
    folder = _make_open_folder()
    with EmbeddedServices(_SESSION, root=folder) as endpoints:
        yield endpoints
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def template_database(embedded: Endpoints) -> str:
    """The migrated database each test's own is copied from."""
    with psycopg.connect(embedded.postgres.superuser_url(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_TEMPLATE)))
    migrate(embedded.postgres.superuser_url(_TEMPLATE), operator="trader")
    return _TEMPLATE


@pytest.fixture
def database_url(embedded: Endpoints, database: str) -> str:
    """The owner's URL of a fresh, migrated database."""
    return embedded.postgres.superuser_url(database)


@pytest.fixture
def database(embedded: Endpoints, template_database: str) -> Iterator[str]:
    """The name of a fresh copy of the template, dropped after the test."""
    name = f"t_{uuid.uuid4().hex}"
    with psycopg.connect(embedded.postgres.superuser_url(), autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template_database)
            )
        )
    yield name
    with psycopg.connect(embedded.postgres.superuser_url(), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def console_url(embedded: Endpoints, database: str) -> Iterator[str]:
    """The same database as a console reaches it: a login of the consoles' group, and no more."""
    name = f"console_{uuid.uuid4().hex}"
    with psycopg.connect(embedded.postgres.superuser_url(), autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} IN ROLE senex_console").format(
                sql.Identifier(name), sql.Literal(name)
            )
        )
    yield embedded.postgres.url(user=name, password=name, database=database)
    with psycopg.connect(embedded.postgres.superuser_url(), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def _make_open_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    if os.geteuid() == 0:
        folder.chmod(0o755)  # the servers run as an unprivileged account; what is private lies deeper
    return folder


def _end_killed_sessions() -> None:
    """Stop servers and remove folders of test sessions that were killed; leave running ones alone."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        if not (folder / _SESSION / "lock").exists():
            continue
        try:
            EmbeddedServices(_SESSION, root=folder).stop_orphans()
        except Unavailable:
            continue
        shutil.rmtree(folder)
