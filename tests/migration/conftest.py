"""What the tests of migrations share."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daemon.embedded import Endpoints


@pytest.fixture
def owner(embedded: Endpoints, template_database: str) -> Iterator[str]:
    """An empty database with an owner of its own, in the cluster that already holds senex."""
    name = f"other_{uuid4().hex}"
    role, home = sql.Identifier(name), embedded.postgres.superuser_url()
    with psycopg.connect(home, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN CREATEROLE PASSWORD {}").format(role, sql.Literal(name))
        )
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role))
    yield embedded.postgres.url(user=name, password=name, database=name)
    with psycopg.connect(home, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(role))
        connection.execute(sql.SQL("DROP ROLE {}").format(role))
