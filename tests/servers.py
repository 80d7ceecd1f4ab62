"""The servers tests run on: Postgres and the Redis-protocol server, a migrated template, copies of it."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from daemon.embedded import EmbeddedServices
from daemon.embedded.endpoints import PostgresEndpoint
from senex.domain.errors import Unavailable
from senex.store.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daemon.embedded import Endpoints

PREFIX = f"senex-test-{os.geteuid()}-"
OWNER, DAEMON, CONSOLE = "senex_user", "senex_daemon_login", "senex_console_login"
BACKUP = "senex_backup_login"
_SESSION, _TEMPLATE = "session", "senex_template"
# nothing of a test session must survive a power cut, so its Postgres need not wait for the disk;
# its sockets lie beside its data, for those who count processor seconds
_HURRIED = {
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "scram_iterations": "1",  # or each connection costs milliseconds
    "unix_socket_directories": ".",
}
_MEMORY, _ROOM = Path("/dev/shm"), 2 << 30  # noqa: S108  not there on every machine


@contextmanager
def open_servers() -> Iterator[Endpoints]:
    """Both servers, in a folder of their own, for the block."""
    _end_killed_runs()
    with (
        server_folder(quick=True) as folder,
        EmbeddedServices(_SESSION, root=folder, settings=_HURRIED) as endpoints,
    ):
        yield endpoints


def make_template(embedded: Endpoints) -> str:
    """The migrated database of which others are copies; its name."""
    with psycopg.connect(embedded.postgres.superuser_url(), autocommit=True) as connection:
        for user, right in ((OWNER, "CREATEROLE"), (DAEMON, ""), (CONSOLE, ""), (BACKUP, "REPLICATION")):
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN {} PASSWORD {}").format(
                    sql.Identifier(user), sql.SQL(right), sql.Literal(_password(user))
                )
            )
        connection.execute(
            sql.SQL("GRANT {}, {} TO {} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE").format(
                *map(sql.Identifier, (DAEMON, CONSOLE, OWNER))
            )
        )
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(_TEMPLATE), sql.Identifier(OWNER))
        )
    migrate(login_url(embedded, OWNER, _TEMPLATE), operator="trader")
    return _TEMPLATE


@contextmanager
def copied(embedded: Endpoints, template: str) -> Iterator[str]:
    """The name of a fresh copy of a template, dropped after the block."""
    name = f"t_{uuid.uuid4().hex}"
    with psycopg.connect(embedded.postgres.superuser_url(), autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(
                sql.Identifier(name), sql.Identifier(template), sql.Identifier(OWNER)
            )
        )
    try:
        yield name
    finally:
        with psycopg.connect(embedded.postgres.superuser_url(), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def login_url(embedded: Endpoints, user: str, database: str) -> str:
    """The URL of one of the logins of the session's servers."""
    return embedded.postgres.url(user=user, password=_password(user), database=database)


@dataclass(frozen=True)
class _Sockets(PostgresEndpoint):
    """The session's Postgres by its socket in the file system: a statement costs a third less than by TCP."""

    folder: Path

    def url(self, *, user: str, password: str, database: str) -> str:
        where = f"host={quote(str(self.folder), safe='')}&port={self.port}"
        return f"postgresql://{quote(user)}:{quote(password)}@/{quote(database)}?{where}"


def by_sockets(embedded: Endpoints) -> Endpoints:
    """The session's servers, the Postgres among them by its socket."""
    sockets = _Sockets(**asdict(embedded.postgres), folder=embedded.root / "postgres")
    return replace(embedded, postgres=sockets)


@contextmanager
def server_folder(*, quick: bool = False) -> Iterator[Path]:
    """A fresh folder the servers' account can reach, also when the tests run as root; gone afterwards.

    ``quick``: in memory, where there is room; only processes are killed, so no commit need wait for a disk.
    """
    folder = make_open_folder(f"{PREFIX}{os.getpid()}-", quick=quick)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def make_open_folder(prefix: str = PREFIX, *, quick: bool = False) -> Path:
    """The same for those who leave it to be looked at, where something went wrong."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=_MEMORY if quick and _roomy(_MEMORY) else None))
    if os.geteuid() == 0:
        folder.chmod(0o755)  # the servers run as an unprivileged account; what is private lies deeper
    return folder


def _roomy(place: Path) -> bool:
    try:
        told = os.statvfs(place)
    except OSError:
        return False
    usable = os.access(place, os.W_OK | os.X_OK) and not told.f_flag & os.ST_NOEXEC
    return usable and told.f_bavail * told.f_frsize >= _ROOM


def _password(user: str) -> str:
    return f"{user} password"


def _end_killed_runs() -> None:
    """Stop servers and remove folders of test runs that were killed; leave running ones alone."""
    for folder in (*Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"), *_MEMORY.glob(f"{PREFIX}*-*")):
        pid = folder.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            for lock in (*folder.glob("*/lock"), *folder.glob("*/*/lock")):
                with suppress(Unavailable):
                    EmbeddedServices(lock.parent.name, root=lock.parent.parent).stop_orphans()
            shutil.rmtree(folder, ignore_errors=True)
