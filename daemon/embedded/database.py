"""The senex database on the bundled Postgres: its owner, its logins, made once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from senex.store.passwords import set_password

if TYPE_CHECKING:
    from daemon.embedded.endpoints import Endpoints

DATABASE = "senex_trader"
OWNER, DAEMON, CONSOLE = "senex_user", "senex_daemon_login", "senex_console_login"
BACKUP = "senex_backup_login"
_RIGHTS = {OWNER: "CREATEROLE", BACKUP: "REPLICATION"}


@dataclass(frozen=True)
class DatabaseUrls:
    """One URL per role; each process gets its own only."""

    owner: str
    daemon: str
    console: str
    backup: str


def ensure_database(endpoints: Endpoints) -> DatabaseUrls:
    """Make the roles and the empty database where they are missing; what is in it is ``senex db``'s."""
    postgres = endpoints.postgres
    passwords = {
        role: endpoints.secrets.read_or_make(f"postgres_{role}") for role in (OWNER, DAEMON, CONSOLE, BACKUP)
    }
    with psycopg.connect(postgres.superuser_url(), autocommit=True) as connection:
        known = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
        for role, password in passwords.items():
            if role not in known:
                rights = sql.SQL(_RIGHTS.get(role, ""))
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN {}").format(sql.Identifier(role), rights))
            # its file says what it is, also where a rotation was interrupted
            set_password(connection, role, password)
        # so that the owner can rotate them, but neither be them nor have their rights
        connection.execute(
            sql.SQL("GRANT {} TO {} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE").format(
                sql.SQL(", ").join(sql.Identifier(role) for role in (DAEMON, CONSOLE)), sql.Identifier(OWNER)
            )
        )
        found = connection.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
        if found is None:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(OWNER))
            )

    def url(role: str) -> str:
        return postgres.url(user=role, password=passwords[role], database=DATABASE)

    return DatabaseUrls(owner=url(OWNER), daemon=url(DAEMON), console=url(CONSOLE), backup=url(BACKUP))
