"""The broker's login in the database, sealed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg

from senex.store.direct import away

if TYPE_CHECKING:
    from senex.store.vault import Vault

_READ = "SELECT client_secret, refresh_token FROM broker_login WHERE environment = %s"
_KEEP = """
INSERT INTO broker_login (environment, client_secret, refresh_token) VALUES (%s, %s, %s)
ON CONFLICT (environment) DO UPDATE SET
    client_secret = coalesce(excluded.client_secret, broker_login.client_secret),
    refresh_token = excluded.refresh_token, updated_at = now()
"""
_ALL = "SELECT environment, client_secret, refresh_token FROM broker_login ORDER BY environment FOR UPDATE"
_RESEAL = "UPDATE broker_login SET client_secret = %s, refresh_token = %s WHERE environment = %s"


@dataclass(frozen=True, slots=True)
class Login:
    """An OAuth grant; the application's secret is None where only settings know it."""

    refresh_token: str = field(repr=False)
    client_secret: str | None = field(default=None, repr=False)


def kept_login(url: str, environment: str, vault: Vault) -> Login | None:
    """The login kept for ``environment``, None when there is none. Blocks.

    Raises:
        UsageProblem: ``E_ENCRYPTION_KEY``.
        Unavailable: ``E_POSTGRES_AWAY``.
    """
    try:
        with psycopg.connect(url) as connection:
            row = connection.execute(_READ, (environment,)).fetchone()
    except psycopg.OperationalError as problem:
        raise away(problem) from problem
    if row is None:
        return None
    secret, token = row
    return Login(vault.open(bytes(token)), None if secret is None else vault.open(bytes(secret)))


def keep_login(url: str, environment: str, login: Login, vault: Vault) -> None:
    """Keep ``login`` unless it is kept already; what a wrong key cannot open is not overwritten. Blocks.

    Raises:
        UsageProblem: ``E_ENCRYPTION_KEY``.
        Unavailable: ``E_POSTGRES_AWAY``.
    """
    kept = kept_login(url, environment, vault)
    secret = login.client_secret
    if (
        kept is not None
        and kept.refresh_token == login.refresh_token
        and secret in (None, kept.client_secret)
    ):
        return
    sealed = None if secret is None else vault.seal(secret)
    try:
        with psycopg.connect(url) as connection:
            connection.execute(_KEEP, (environment, sealed, vault.seal(login.refresh_token)))
    except psycopg.OperationalError as problem:
        raise away(problem) from problem


def reseal(url: str, vault: Vault) -> int:
    """Seal everything that is kept anew with the first key, all or nothing; how many logins. Blocks.

    Raises:
        UsageProblem: ``E_ENCRYPTION_KEY``: nothing was changed.
        Unavailable: ``E_POSTGRES_AWAY``.
    """
    try:
        with psycopg.connect(url) as connection:
            rows = connection.execute(_ALL).fetchall()
            for environment, *sealed in rows:
                anew = [None if one is None else vault.seal(vault.open(bytes(one))) for one in sealed]
                connection.execute(_RESEAL, (*anew, environment))
    except psycopg.OperationalError as problem:
        raise away(problem) from problem
    return len(rows)
