"""Passwords of Postgres' roles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import sql

if TYPE_CHECKING:
    import psycopg


def set_password(connection: psycopg.Connection[tuple[Any, ...]], role: str, password: str) -> None:
    """Give a role its password, hashed here: the password itself is in no statement, hence in no log."""
    hashed = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(hashed)))
