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
OWNER, DAEMON, CONSOLE = "senex_user", "senex_daemon_login", "senex_console_login"


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
        _hurry(endpoints)
        yield endpoints
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def template_database(embedded: Endpoints) -> str:
    """The migrated database each test's own is copied from."""
    with psycopg.connect(embedded.postgres.superuser_url(), autocommit=True) as connection:
        for user, right in ((OWNER, "CREATEROLE"), (DAEMON, ""), (CONSOLE, "")):
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN {} PASSWORD {}").format(
                    sql.Identifier(user), sql.SQL(right), sql.Literal(_password(user))
                )
            )
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(_TEMPLATE), sql.Identifier(OWNER))
        )
    migrate(login_url(embedded, OWNER, _TEMPLATE), operator="trader")
    return _TEMPLATE


@pytest.fixture
def database_url(embedded: Endpoints, database: str) -> str:
    """A fresh, migrated database, as the daemon logs in."""
    return login_url(embedded, DAEMON, database)


@pytest.fixture
def console_url(embedded: Endpoints, database: str) -> str:
    """The same database, as a console logs in."""
    return login_url(embedded, CONSOLE, database)


@pytest.fixture
def owner_url(embedded: Endpoints, database: str) -> str:
    """The same database, as its owner logs in."""
    return login_url(embedded, OWNER, database)


@pytest.fixture
def database(embedded: Endpoints, template_database: str) -> Iterator[str]:
    """The name of a fresh copy of the template, dropped after the test."""
    name = f"t_{uuid.uuid4().hex}"
    with psycopg.connect(embedded.postgres.superuser_url(), autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(
                sql.Identifier(name), sql.Identifier(template_database), sql.Identifier(OWNER)
            )
        )
    yield name
    with psycopg.connect(embedded.postgres.superuser_url(), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def login_url(embedded: Endpoints, user: str, database: str) -> str:
    """The URL of one of the three logins of the session's servers."""
    return embedded.postgres.url(user=user, password=_password(user), database=database)


def _password(user: str) -> str:
    return f"{user} password"


def _hurry(endpoints: Endpoints) -> None:
    """Nothing of a test session must survive a power cut, so its Postgres need not wait for the disk."""
    with psycopg.connect(endpoints.postgres.superuser_url(), autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes"):
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
        connection.execute("SELECT pg_reload_conf()")


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
