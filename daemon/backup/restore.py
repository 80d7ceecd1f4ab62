"""Restore an instance from its backups and its escrowed keys, to a point in time, on a bare machine.

The data folder is made beside the old one and takes its place only once it has recovered and is
fenced; the old one stays beside it until somebody removes it.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from daemon.backup.machine_time import wall
from daemon.backup.scratch import scratch_server
from daemon.backup.tools import find_tools
from daemon.backup.unpack import choose, lay_out, settle
from daemon.backup.where import ENCRYPTION_KEY
from daemon.embedded.database import DATABASE, OWNER
from daemon.embedded.lock import InstanceLock
from daemon.embedded.places import make_places
from daemon.embedded.secrets import SecretFiles
from senex.bootstrap.restored import fence_restored
from senex.domain.errors import Refused, UsageProblem
from senex.machine import server_account
from senex.store.migrate import migrate
from senex.store.schema import refuse_newer

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from daemon.backup.escrow import Escrow
    from daemon.backup.scratch import Scratch
    from daemon.backup.tools import Tools
    from daemon.backup.unpack import Source
    from daemon.embedded.places import Places
    from senex.config import Environment

_LOGINS = "SELECT rolname FROM pg_roles WHERE rolcanlogin AND (rolname LIKE 'senex%' OR rolname = 'postgres')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be restored where. ``overwrite`` has to name the instance where it has a database already."""

    instance: str
    environment: Environment
    folder: Path
    to: datetime | None = None
    line: str | None = None
    escrow: Escrow | None = None
    key: str | None = None
    overwrite: str | None = None
    old_is_gone: bool = False
    root: Path | None = None
    programs: Path | None = None


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of it."""

    instance: str
    base: str
    line: str
    reached: datetime | None
    """The last transaction that is in it."""
    revision: str
    namespace: str
    accounts: tuple[str, ...]
    doubtful: int
    """Submissions that may or may not have left before the loss: never sent again."""
    seconds: float
    aside: str | None
    """Where the database that was there before lies now."""


def restore(wish: Wish, *, narrate: Callable[[str], None]) -> Restored:
    """Restore, and fence what was restored.

    Raises:
        Refused: ``E_RESTORE_EXISTS`` where a database is in the way and ``overwrite`` does not name it.
        UsageProblem: ``E_BACKUP_NONE``, ``E_BACKUP_KEY``, ``E_BACKUP_VERSION``, ``E_RESTORE_POINT``,
            ``E_RESTORE_DISK``, ``E_RESTORE_KEYS``, ``E_DATABASE_NEWER``.
        Unavailable: ``E_INSTANCE_BUSY`` while the instance runs.
        SenexError: ``E_BACKUP_DAMAGED``, ``E_RESTORE_START``.
    """
    began = monotonic()
    account = server_account()
    source = choose(wish.folder, to=wish.to, line=wish.line)
    tools = tools_for(source, wish.programs)
    refuse_newer(source.base.revision)
    places = make_places(wish.instance, wish.root, account)
    lock = InstanceLock(places.lock, wish.instance)
    lock.acquire()
    part = places.root / "postgres.restoring"
    try:
        _may_overwrite(places, wish)
        secrets = SecretFiles(places.secrets)
        if wish.escrow is not None:
            _take_keys(secrets, wish.escrow.encryption_keys)
        # the server's account reaches what is below the instance's folder, and nothing else of ours
        account.make_folder(part)
        cluster = part / "cluster"
        key = wish.key or (wish.escrow.backup_key if wish.escrow else None)
        lay_out(source, cluster, key=key, account=account, narrate=narrate)
        log = places.logs / "restore.log"
        with scratch_server(cluster, tools=tools, account=account, log=log, narrate=narrate) as scratch:
            reached = scratch.reached()
            _set_passwords(scratch, secrets)
            narrate("bringing the schema up to date")
            revision = migrate(scratch.url(OWNER, DATABASE))
            narrate("fencing the old deployment")
            fenced = fence_restored(
                scratch.url(OWNER, DATABASE), environment=wish.environment, old_is_gone=wish.old_is_gone
            )
        settle(cluster)
        aside = _swap(places, cluster)
    finally:
        shutil.rmtree(part, ignore_errors=True)  # a restore that failed may have filled the disk
        lock.release()
    return Restored(
        instance=wish.instance,
        base=source.base.label,
        line=source.line.path.name,
        reached=reached,
        revision=revision,
        namespace=str(fenced.namespace),
        accounts=fenced.accounts,
        doubtful=fenced.doubtful,
        seconds=round(monotonic() - began, 1),
        aside=None if aside is None else str(aside),
    )


def tools_for(source: Source, programs: Path | None) -> Tools:
    """The programs that can run what was backed up.

    Raises:
        UsageProblem: ``E_BACKUP_VERSION``.
    """
    tools = find_tools(programs)
    if tools.major != source.base.major:
        raise UsageProblem(
            "E_BACKUP_VERSION",
            f"The backup is of Postgres {source.base.major} and the programs in {tools.folder} are of {tools.major}; "
            f"name the folder of those of {source.base.major} with SENEX_POSTGRES_BIN.",
        )
    return tools


def _may_overwrite(places: Places, wish: Wish) -> None:
    if (places.postgres / "PG_VERSION").exists() and wish.overwrite != wish.instance:
        raise Refused(
            "E_RESTORE_EXISTS",
            f"The instance '{wish.instance}' has a database; `--overwrite {wish.instance}` puts the restored one in "
            "its place (the old one stays beside it), or choose another instance with SENEX_INSTANCE.",
        )


def _take_keys(secrets: SecretFiles, escrowed: str) -> None:
    """The escrowed encryption keys become the instance's; keys that are there and differ are never overwritten."""
    if secrets.read_or_make(ENCRYPTION_KEY, lambda: escrowed) != escrowed:
        raise UsageProblem(
            "E_RESTORE_KEYS",
            f"{secrets.folder / ENCRYPTION_KEY} holds other keys than the escrow file; move it away if the escrowed "
            "ones are the right ones.",
        )


def _set_passwords(scratch: Scratch, secrets: SecretFiles) -> None:
    """The logins get this instance's own passwords: those of the machine that was lost stay behind."""
    with psycopg.connect(scratch.url(), autocommit=True) as connection:
        for (role,) in connection.execute(_LOGINS).fetchall():
            name = "postgres_superuser" if role == "postgres" else f"postgres_{role}"
            connection.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                    sql.Identifier(role), sql.Literal(secrets.read_or_make(name))
                )
            )


def _swap(places: Places, cluster: Path) -> Path | None:
    aside = None
    if places.postgres.exists():
        aside = places.root / f"postgres.before-{wall():%Y%m%dT%H%M%SZ}"
        places.postgres.rename(aside)
    cluster.rename(places.postgres)
    return aside
