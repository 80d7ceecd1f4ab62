"""The broker's refresh token in the database, sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from senex.store.direct import away

if TYPE_CHECKING:
    from senex.store.vault import Vault

_READ = "SELECT refresh_token FROM broker_login WHERE environment = %s"
_KEEP = """
INSERT INTO broker_login (environment, refresh_token) VALUES (%s, %s)
ON CONFLICT (environment) DO UPDATE SET refresh_token = excluded.refresh_token, updated_at = now()
"""


def kept_token(url: str, environment: str, vault: Vault) -> str | None:
    """The token kept for ``environment``, None when there is none. Blocks.

    Raises:
        UsageProblem: ``E_ENCRYPTION_KEY``.
        Unavailable: ``E_POSTGRES_AWAY``.
    """
    try:
        with psycopg.connect(url) as connection:
            row = connection.execute(_READ, (environment,)).fetchone()
    except psycopg.OperationalError as problem:
        raise away(problem) from problem
    return None if row is None else vault.open(bytes(row[0]))


def keep_token(url: str, environment: str, token: str, vault: Vault) -> None:
    """Keep ``token`` unless it is kept already; what a wrong key cannot open is not overwritten. Blocks.

    Raises:
        UsageProblem: ``E_ENCRYPTION_KEY``.
        Unavailable: ``E_POSTGRES_AWAY``.
    """
    if kept_token(url, environment, vault) == token:
        return
    try:
        with psycopg.connect(url) as connection:
            connection.execute(_KEEP, (environment, vault.seal(token)))
    except psycopg.OperationalError as problem:
        raise away(problem) from problem
