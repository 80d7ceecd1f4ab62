"""Bring a database that ``senex up`` or ``senex demo`` finds to this version's schema; one with books is kept first.

Nothing runs on it yet, so of what `senex upgrade` does only the backup is left to do.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg

from senex.domain.errors import Unavailable
from senex.store import migrate as migrations
from senex.store.direct import away

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_HAS_BOOKS = "SELECT EXISTS (SELECT FROM account)"


def migrate(
    url: str, *, operator: str, keep: Callable[[], str | None], narrate: Callable[[str], None]
) -> None:
    """Migrate it as its owner; ``keep`` takes a backup, and answers what went wrong.

    Raises:
        Unavailable: ``E_UP_BACKUP``, and nothing was migrated; SenexError: as ``senex.store.migrate``.
    """
    found, needed = migrations.status(url)
    if found is not None and found < needed and _has_books(url):
        narrate(f"backing up the database before it is brought from {found} to {needed}")
        migrations.let_back_up(url)
        problem = keep()
        if problem is not None:
            raise Unavailable(
                "E_UP_BACKUP",
                f"The database is of an older version ({found}) and was left as it is, because the backup before its "
                f"migration failed ({problem.rstrip('.')}); mend that, or start the senex of before.",
            )
    migrations.migrate(url, operator=operator)


def back_up(root: Path, environment: Mapping[str, str]) -> str | None:
    """Take a base backup of the instance these settings name; what went wrong, if anything."""
    done = subprocess.run(
        [sys.executable, "-m", "daemon.backup", "backup", "--root", str(root)],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return None
    return (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]


def _has_books(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            return connection.execute(_HAS_BOOKS).fetchone() == (True,)
    except psycopg.OperationalError as problem:
        raise away(problem) from problem
