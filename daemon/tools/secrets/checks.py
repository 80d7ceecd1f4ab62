"""Whether every secret is there, closed to others, of the right form, and opens what it is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg

from daemon.tools.secrets.logins import try_login
from daemon.tools.secrets.places import open_to_others, read
from daemon.tools.secrets.redis_users import connected
from senex.domain.errors import SenexError, UsageProblem
from senex.store.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from daemon.tools.secrets.places import Places

DATABASE = (
    "migrator_database_url",
    "database_url",
    "database_direct_url",
    "console_database_url",
    "backup_database_url",
)
REDIS = ("redis_url", "console_redis_url")
_NEEDED = frozenset({"database_url", "redis_url", "encryption_keys"})
_SEALED = "SELECT environment, client_secret, refresh_token FROM broker_login"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one secret; ``code`` is empty where it is in order."""

    secret: str
    code: str
    why: str


def check(places: Places) -> tuple[Finding, ...]:
    """Every secret there is or has to be. Raises nothing."""
    named = {
        "encryption_keys": lambda path: _keys(path, places),
        **dict.fromkeys(DATABASE, _database),
        **dict.fromkeys(REDIS, _redis),
    }
    found = [one for name, proof in named.items() for one in _one(places, name, proof)]
    seen = {places.find(name) for name in named}
    found += [one for path in places.every() if path not in seen for one in _file(path.name, path)]
    return tuple(found)


def _one(places: Places, name: str, proof: Callable[[Path], None]) -> Iterator[Finding]:
    path = places.find(name)
    if path is None:
        if name in _NEEDED:
            yield Finding(
                name, "E_SECRET_MISSING", f"no file holds it; name one with SENEX_{name.upper()}_FILE"
            )
        return
    problems = list(_file(name, path))
    yield from problems
    if any(one.code != "E_SECRET_OPEN" for one in problems if one.code):
        return
    try:
        proof(path)
    except SenexError as problem:
        yield Finding(name, problem.code, problem.message)
    else:
        if not any(one.code for one in problems):
            yield Finding(name, "", "in order")


def _file(name: str, path: Path) -> Iterator[Finding]:
    try:
        read(path)
        if open_to_others(path):
            yield Finding(
                name, "E_SECRET_OPEN", f"{path} is open to other users; `chmod 600` it, and consider it seen"
            )
    except SenexError as problem:
        yield Finding(name, problem.code, problem.message)
    except OSError as problem:
        yield Finding(name, "E_SECRET_UNREADABLE", f"{path} cannot be looked at ({problem.strerror})")


def _database(path: Path) -> None:
    address = read(path).strip()
    if not address.startswith(("postgresql://", "postgres://")) or not urlsplit(address).password:
        raise UsageProblem("E_SECRET_FORM", f"{path} holds no postgresql:// URL with a login; correct it.")
    try_login(address)


def _redis(path: Path) -> None:
    address = read(path).strip()
    if not address.startswith(("redis://", "rediss://", "unix://")):
        raise UsageProblem("E_SECRET_FORM", f"{path} holds no redis:// URL; correct it.")
    with connected(address):
        pass


def _keys(path: Path, places: Places) -> None:
    """Each is a key, and together they open all that is kept."""
    vault = Vault(read(path).strip())
    database = places.find("database_direct_url") or places.find("database_url")
    if database is None:
        return
    try:
        with psycopg.connect(read(database).strip(), connect_timeout=5) as connection:
            kept = connection.execute(_SEALED).fetchall()
    except psycopg.Error:
        return  # the database's own line says why
    for _, *sealed in kept:
        for one in sealed:
            if one is not None:
                vault.open(bytes(one))
