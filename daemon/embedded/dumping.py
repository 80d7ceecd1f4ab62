"""Postgres' own tools on one running server: dump it, restore into it, and say what is in it."""

from __future__ import annotations

import hashlib
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import psycopg
from psycopg import sql

from daemon.embedded.processes import server_environment
from daemon.embedded.storage import FULL_WORDS, disk_full
from senex.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from daemon.embedded.endpoints import PostgresEndpoint
    from daemon.embedded.places import Programs

GLOBALS = "globals.sql"
_DATABASES = """
SELECT datname, pg_get_userbyid(datdba) FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres' ORDER BY 1
"""
_TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'
ORDER BY 1, 2
"""
_SEQUENCES = "SELECT schemaname || '.' || sequencename, coalesce(last_value, 0) FROM pg_sequences ORDER BY 1"
_HAS_TIMELINE = """
SELECT 1 FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = 'deployment' AND column_name = 'timeline'
"""


@dataclass(frozen=True, slots=True)
class Dumped:
    """A dump's folder: roles, and a file for each database with its owner."""

    folder: Path
    owners: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Content:
    """What a server holds: rows and a fingerprint of each table, the state of each sequence."""

    tables: Mapping[str, tuple[int, str]]
    sequences: Mapping[str, int]

    @property
    def rows(self) -> int:
        return sum(number for number, _ in self.tables.values())


class Tools:
    """The tools of one major on one server; the password goes by a file, never by a command line."""

    def __init__(self, programs: Programs, server: PostgresEndpoint, *, passwords: Path) -> None:
        self._programs, self._server, self._passwords = programs, server, passwords

    def __enter__(self) -> Self:
        self._passwords.unlink(missing_ok=True)
        self._passwords.touch(mode=0o600)
        word = self._server.superuser_password.replace("\\", "\\\\").replace(":", "\\:")
        self._passwords.write_text(f"*:*:*:*:{word}\n", encoding="utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        self._passwords.unlink(missing_ok=True)

    def databases(self) -> dict[str, str]:
        """Each database of ours and its owner."""
        with psycopg.connect(self._server.superuser_url()) as connection:
            return dict(connection.execute(_DATABASES).fetchall())

    def dump(self, folder: Path) -> Dumped:
        """Write roles and databases into ``folder``, which must be new."""
        folder.mkdir(mode=0o700, parents=True)
        owners = self.databases()
        self._run("pg_dumpall", "--globals-only", "--file", str(folder / GLOBALS))
        for name in owners:
            self._run("pg_dump", "--format=custom", "--file", str(folder / f"{name}.dump"), "--dbname", name)
        for file in folder.iterdir():
            file.chmod(0o600)
        return Dumped(folder, owners)

    def restore(self, dumped: Dumped) -> None:
        """Bring a dump into a server that holds nothing yet."""
        roles = dumped.folder / f".{GLOBALS}"
        superuser = re.compile(rf"^(CREATE|ALTER) ROLE {re.escape(self._server.superuser)}\b")
        told = (dumped.folder / GLOBALS).read_text(encoding="utf-8")
        roles.touch(mode=0o600)
        roles.write_text(
            "".join(line for line in told.splitlines(keepends=True) if not superuser.match(line)),
            encoding="utf-8",
        )
        self._run(
            "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={roles}", "--dbname=postgres"
        )
        roles.unlink()
        for name, owner in dumped.owners.items():
            with psycopg.connect(self._server.superuser_url(), autocommit=True) as connection:
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(owner))
                )
            self._run("pg_restore", "--exit-on-error", "--dbname", name, str(dumped.folder / f"{name}.dump"))
            self._run("psql", "--no-psqlrc", "--quiet", "--command=ANALYZE", f"--dbname={name}")

    def content(self) -> Content:
        """Read every table once."""
        tables, sequences = {}, {}
        for database in self.databases():
            with psycopg.connect(self._server.superuser_url(database)) as connection:
                connection.execute("SET default_transaction_read_only = on")
                for schema, table in connection.execute(_TABLES).fetchall():
                    tables[f"{database}.{schema}.{table}"] = _read(connection, schema, table)
                for name, value in connection.execute(_SEQUENCES).fetchall():
                    sequences[f"{database}.{name}"] = value
        return Content(tables, sequences)

    def forget_timeline(self) -> None:
        """A new cluster counts its recoveries from one again; the next migration writes that down.

        Whoever was fenced off stays so: the generation in the deployment's name tells, not this number.
        """
        for database in self.databases():
            with psycopg.connect(self._server.superuser_url(database)) as connection:
                if connection.execute(_HAS_TIMELINE).fetchone() is not None:
                    connection.execute("UPDATE deployment SET timeline = NULL")

    def _run(self, program: str, *words: str) -> None:
        server = self._server
        where = ("--host", server.host, "--port", str(server.port), "--username", server.superuser)
        done = subprocess.run(
            [self._programs.postgres(program), *where, "--no-password", *words],
            env=server_environment() | {"PGPASSFILE": str(self._passwords), "PGCLIENTENCODING": "UTF8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return
        if FULL_WORDS in done.stderr:
            raise disk_full(self._passwords.parent)
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise Unavailable("E_POSTGRES_TOOL", f"{program} failed ({said[:400]}); the data is as it was.")


def _read(connection: psycopg.Connection[tuple[object, ...]], schema: str, table: str) -> tuple[int, str]:
    """How many rows, and one fingerprint of all of them in whatever order they lie."""
    number, total = 0, 0
    name = sql.Identifier(schema, table)
    with connection.cursor(name="content") as cursor:
        cursor.itersize = 5000
        cursor.execute(sql.SQL("SELECT t::text FROM {} t").format(name))
        for (row,) in cursor:
            number += 1
            total = (total + int.from_bytes(hashlib.sha256(str(row).encode()).digest()[:16])) % (1 << 128)
    return number, f"{total:032x}"
