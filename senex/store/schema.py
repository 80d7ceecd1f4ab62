"""Which schema this senex needs, and waiting until the database has it.

Read from the migrations' text, so that small processes load neither Alembic nor
SQLAlchemy.
"""

from __future__ import annotations

import asyncio
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from senex.domain.errors import Unavailable, UsageProblem
from senex.store.direct import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_REVISION = re.compile(r"^(down_)?revision(?::[^=]+)?\s*=\s*[\"']([^\"']+)[\"']", re.MULTILINE)
_LOOK_SECONDS = 0.1
TIMELINE = "('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int"
"""The number of the server's timeline: each recovery begins one of its own."""
_TIMELINES = sql.SQL("SELECT timeline, {} FROM deployment").format(sql.SQL(TIMELINE))
OLDEST = "0022"
"""The oldest version of senex that still runs on this schema: a migration that takes away what that one uses raises it.

Stored with the schema (``mark``), so that the version before, which cannot know what came after it, may go on.
"""
_MARK = "runs senex from "
VERSION = "SELECT version_num, obj_description('alembic_version'::regclass) AS oldest FROM alembic_version"
"""What ``refuse_newer`` and ``refuse_other`` are given."""


def head(migrations: Iterable[str]) -> tuple[str, frozenset[str]]:
    """The newest revision among the migrations' texts, and all of them."""
    known: set[str] = set()
    replaced: set[str] = set()
    for text in migrations:
        for down, revision in _REVISION.findall(text):
            (replaced if down else known).add(revision)
    [newest] = known - replaced
    return newest, frozenset(known)


@cache
def shipped() -> tuple[str, frozenset[str]]:
    """The newest revision of this senex, and all of them."""
    folder = files("sql.versions")
    return head(
        one.read_text(encoding="utf-8")
        for one in folder.iterdir()
        if one.name.endswith(".py") and one.name != "__init__.py"
    )


def mark() -> str:
    """The statement that stores ``OLDEST`` with the schema."""
    return f"COMMENT ON TABLE alembic_version IS '{_MARK}{OLDEST}'"


def refuse_newer(found: str | None, oldest: str | None = None) -> None:
    """Refuse a database whose version this senex does not know, unless its mark says that it still serves it.

    Raises:
        UsageProblem: ``E_DATABASE_NEWER``.
    """
    _, known = shipped()
    serves = oldest is not None and oldest.removeprefix(_MARK) in known
    if found is not None and found not in known and not serves:
        raise UsageProblem(
            "E_DATABASE_NEWER",
            f"The database is at version {found}, which this senex does not know; it was migrated by a newer "
            "one, so update senex here too.",
        )


def refuse_other(found: str | None, oldest: str | None = None) -> None:
    """Refuse a database that is not at the version this senex needs, nor at a newer one that still serves it.

    Raises:
        UsageProblem: ``E_DATABASE_NEWER`` or ``E_DATABASE_SCHEMA``.
    """
    refuse_newer(found, oldest)
    newest, known = shipped()
    if found != newest and (found is None or found in known):
        raise UsageProblem(
            "E_DATABASE_SCHEMA",
            f"The database is at {found or 'no version'} and this senex needs {newest}; run `senex db migrate`.",
        )


async def wait_for_schema(url: str, say: Callable[[str], object] = lambda _why: None) -> None:
    """Return once the database has this senex's schema; wait while it is away or older, and ``say`` why.

    Raises:
        UsageProblem: ``E_DATABASE_NEWER``: a newer senex has migrated it; ``E_RESTORED``.
    """
    import structlog  # noqa: PLC0415  consoles read this module too and log nothing

    log = structlog.get_logger("senex.store")
    newest, known = shipped()
    told = ""
    while True:
        try:
            found, oldest = await _version(url)
            refuse_newer(found, oldest)
            if found == newest or (found is not None and found not in known):
                await _refuse_restored(url)
                return
        except Unavailable as problem:
            found, why = None, problem.message
        else:
            why = f"the database is at {found or 'no version'} and needs {newest}: run `senex db migrate`"
        if why != told:
            log.info("waiting for the database", why=why)
            say(why)
            told = why
        await asyncio.sleep(_LOOK_SECONDS if found is None else _LOOK_SECONDS * 10)


async def _version(url: str) -> tuple[str | None, str | None]:
    """The version the database is at, None before the first migration, and its mark. Raises Unavailable."""
    connection = await connect(url, name="schema")
    try:
        cursor = await connection.execute(VERSION.encode())
        row = await cursor.fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege):
        return None, None
    finally:
        await connection.close()
    return (row[0], row[1]) if row else (None, None)


async def _refuse_restored(url: str) -> None:
    """Refuse a database that was restored, or promoted, and that nobody has said so of.

    What was sent after the moment recovered to is not in the database.

    Raises:
        UsageProblem: ``E_RESTORED``.
    """
    connection = await connect(url, name="schema")
    try:
        row = await (await connection.execute(_TIMELINES)).fetchone()
    finally:
        await connection.close()
    if row is not None and row[0] is not None and row[1] > row[0]:
        raise UsageProblem(
            "E_RESTORED",
            "The database was restored or promoted since senex last ran on it, so orders may be missing in it; "
            "`senex db fence` halts everything, looks for them and stops the deployment it came of.",
        )
