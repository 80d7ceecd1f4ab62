"""Postgres' own client programs, always of the server's major version."""

from __future__ import annotations

import re
import signal
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
from psycopg.conninfo import conninfo_to_dict

from daemon.embedded.places import find_programs
from daemon.embedded.processes import server_environment
from daemon.lineage import bound
from senex.domain.errors import SenexError, Unavailable, UsageProblem
from senex.machine import server_account

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import IO

_VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
}
_PERCENT = re.compile(rb"\((\d+)%\)")
_STEP = 10


@dataclass(frozen=True, slots=True)
class Tools:
    """The programs in ``folder``, of one major version."""

    folder: Path
    major: int

    def run(
        self, name: str, *arguments: str, url: str | None = None, percent: Callable[[int], None] | None = None
    ) -> str:
        """Run a program to its end; what it wrote on stdout. The login goes by the environment, never by argv.

        Raises:
            SenexError: ``E_BACKUP_TOOL`` with the program's last line.
        """
        command = [str(self.folder / name), *arguments]
        with subprocess.Popen(
            command,
            env=environment(url),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if percent is None else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as process:
            if percent is None:
                out, errors = process.communicate()
            else:
                out, errors = b"", _watch(process.stderr, percent)
        if process.returncode:
            raise SenexError("E_BACKUP_TOOL", f"{name} failed: {_last(errors)}; nothing was kept of it.")
        return out.decode(errors="replace")


def _watch(stream: IO[bytes] | None, percent: Callable[[int], None]) -> bytes:
    """Tell each tenth of the way from a program's progress lines; all it wrote besides."""
    told, kept = 0, b""
    while stream is not None and (part := stream.read1(4096)):  # type: ignore[attr-defined]  # a pipe is buffered
        for found in _PERCENT.findall(part):
            if int(found) >= told + _STEP:
                told = int(found)
                percent(told)
        kept = (kept + part)[-4096:]
    return kept


def environment(url: str | None) -> Mapping[str, str]:
    """The whole environment of a program: the login of ``url``, and nothing else of ours."""
    given = {} if url is None else conninfo_to_dict(url)
    login = {_VARIABLES[name]: str(value) for name, value in given.items() if name in _VARIABLES}
    return {**server_environment(), **login, "PGAPPNAME": "senex backup", "PGCONNECT_TIMEOUT": "10"}


def find_tools(folder: Path | None) -> Tools:
    """The programs in ``folder``; by default those of the bundled Postgres.

    Raises:
        UsageProblem: ``E_BACKUP_PROGRAMS`` when they are not there.
    """
    place = folder if folder is not None else find_programs(server_account()).postgres_bin
    try:
        said = subprocess.run(
            [str(place / "pg_basebackup"), "--version"],
            env=server_environment(),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        major = int(re.search(r"\) (\d+)", said)[1])  # type: ignore[index]  # None is no version, and said below
    except (OSError, subprocess.CalledProcessError, TypeError) as problem:
        raise UsageProblem(
            "E_BACKUP_PROGRAMS",
            f"There is no pg_basebackup in {place}; name the folder of Postgres' client programs with "
            "SENEX_POSTGRES_BIN.",
        ) from problem
    return Tools(place, major)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a backup has to know of the database it is of."""

    version: str
    major: int
    namespace: str
    revision: str


_FACTS = """
SELECT current_setting('server_version'), current_setting('server_version_num')::int / 10000,
    (SELECT namespace::text FROM deployment), (SELECT version_num FROM alembic_version)
"""


def ask(url: str) -> Facts:
    """The facts of the database behind ``url``.

    Raises:
        Unavailable: ``E_POSTGRES_AWAY``.
        UsageProblem: ``E_BACKUP_EMPTY`` for a database that was never migrated.
    """
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            row = connection.execute(_FACTS).fetchone()
    except psycopg.OperationalError as problem:
        raise Unavailable(
            "E_POSTGRES_AWAY", "Postgres does not answer; check that it runs and that its URL is right."
        ) from problem
    except psycopg.errors.UndefinedTable as problem:
        raise UsageProblem(
            "E_BACKUP_EMPTY",
            "The database is empty; `senex db migrate` makes it, then there is something to keep.",
        ) from problem
    if row is None or row[2] is None or row[3] is None:
        raise UsageProblem("E_BACKUP_EMPTY", "The database is empty; `senex db migrate` makes it first.")
    return Facts(*row)


def same_major(tools: Tools, facts: Facts) -> None:
    """Refuse programs of another major version: what they write may not restore.

    Raises:
        UsageProblem: ``E_BACKUP_VERSION``.
    """
    if tools.major != facts.major:
        raise UsageProblem(
            "E_BACKUP_VERSION",
            f"The server is Postgres {facts.major} and the programs in {tools.folder} are of {tools.major}; name the "
            f"folder of those of {facts.major} with SENEX_POSTGRES_BIN.",
        )


def _last(errors: bytes | None) -> str:
    lines = [line.strip() for line in (errors or b"").decode(errors="replace").splitlines() if line.strip()]
    return (lines or ["it left no message"])[-1]


def start(
    tools: Tools, name: str, arguments: Sequence[str], *, url: str, log: Path
) -> subprocess.Popen[bytes]:
    """Start a program that goes on until this process ends, its words in ``log``."""
    with log.open("ab") as sink:
        return subprocess.Popen(
            bound([str(tools.folder / name), *arguments], signal.SIGTERM),
            env=environment(url),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
