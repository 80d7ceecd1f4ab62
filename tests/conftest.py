"""Fixtures every suite may use: real servers for the session, a fresh database per test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.servers import (
    CONSOLE,
    DAEMON,
    OWNER,
    copied,
    login_url,
    make_template,
    open_servers,
    server_folder,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from daemon.embedded import Endpoints

# The same examples for everybody, and no verdict that depends on how busy the machine is;
# "search" looks for new ones (pytest --hypothesis-profile=search).
settings.register_profile(
    "same", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("search", settings.get_profile("same"), derandomize=False, max_examples=1000)
settings.load_profile("same")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A fresh folder the servers' account can reach, also when the tests run as root."""
    with server_folder() as folder:
        yield folder


@pytest.fixture
def quick_folder() -> Iterator[Path]:
    """The same, in memory where there is room."""
    with server_folder(quick=True) as folder:
        yield folder


@pytest.fixture(scope="session")
def embedded() -> Iterator[Endpoints]:
    """Postgres and the Redis-protocol server of this test session, shared by all its tests."""
    with open_servers() as endpoints:
        yield endpoints


@pytest.fixture(scope="session")
def template_database(embedded: Endpoints) -> str:
    """The migrated database each test's own is copied from."""
    return make_template(embedded)


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
    with copied(embedded, template_database) as name:
        yield name
