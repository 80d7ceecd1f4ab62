"""Prove that the newest backup restores: on a scratch server, with the keys that would be there then."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import psycopg
from psycopg.rows import namedtuple_row

from daemon.backup import folder as places
from daemon.backup.restore import tools_for
from daemon.backup.scratch import scratch_server
from daemon.backup.unpack import choose, lay_out
from daemon.embedded.database import DATABASE
from senex.domain.errors import SenexError, UsageProblem
from senex.machine import server_account
from senex.store.replaying import replayed
from senex.store.schema import refuse_newer
from senex.store.seals import verify as verify_seals
from senex.store.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from daemon.backup.tools import Tools
    from daemon.backup.unpack import Source

_REVISION = "SELECT version_num FROM alembic_version"
_COUNTS = """
SELECT (SELECT count(*) FROM account) AS accounts, (SELECT count(*) FROM trade_order) AS orders,
    (SELECT count(*) FROM fill) AS fills, (SELECT count(*) FROM position) AS positions
"""
_TOKENS = """
SELECT environment, unnest(array_remove(ARRAY[refresh_token, client_secret], NULL)) AS sealed
FROM broker_login ORDER BY environment
"""
# what laying out for the recovery adds to what the manifest lists
_ADDED = ("postgresql.auto.conf", "recovery.signal", "backup_manifest")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    said: str
    ok: bool = True


@dataclass(frozen=True, slots=True)
class Verified:
    """What the newest backup is worth."""

    base: str
    line: str
    sealed: bool
    reached: datetime | None
    """The last transaction that is in it."""
    seconds: float
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether all checks passed."""
        return all(check.ok for check in self.checks)


def verify(
    folder: Path,
    *,
    work: Path,
    key: str | None,
    encryption_keys: str | None,
    programs: Path | None,
    narrate: Callable[[str], None],
) -> Verified:
    """Restore the newest backup below ``work``, look at it, forget it.

    Raises:
        UsageProblem: as ``restore``.
        SenexError: ``E_BACKUP_DAMAGED``, ``E_RESTORE_START``.
    """
    began = monotonic()
    account = server_account()
    source = choose(folder, to=None)
    tools = tools_for(source, programs)
    refuse_newer(source.base.revision)
    place = Path(tempfile.mkdtemp(prefix="verify-", dir=work))
    account.own(place)
    try:
        cluster = place / "cluster"
        lay_out(source, cluster, key=key, account=account, narrate=narrate)
        _check_files(source, cluster, tools, key)
        log = work / "verify.log"
        with scratch_server(cluster, tools=tools, account=account, log=log, narrate=narrate) as scratch:
            narrate("looking at the restored database")
            reached = scratch.reached()
            checks = asyncio.run(_look(scratch.url(database=DATABASE), source, encryption_keys))
    finally:
        shutil.rmtree(place, ignore_errors=True)
    base, line = source.base, source.line.path.name
    return Verified(base.label, line, base.sealed, reached, round(monotonic() - began, 1), checks)


def _check_files(source: Source, cluster: Path, tools: Tools, key: str | None) -> None:
    """Compare every file with the manifest that the server made as it sent them."""
    manifest = cluster / places.MANIFEST
    with places.opened(places.find(source.base, places.MANIFEST), key) as stream:
        manifest.write_bytes(stream.read())
    try:
        tools.run("pg_verifybackup", "--no-parse-wal", *(f"--ignore={name}" for name in _ADDED), str(cluster))
    except SenexError as problem:
        raise SenexError(
            "E_BACKUP_DAMAGED",
            f"Base backup {source.base.label} is not what the server sent: {problem.message}",
        ) from problem
    manifest.unlink()


async def _look(url: str, source: Source, keys: str | None) -> tuple[Check, ...]:
    async with (
        await psycopg.AsyncConnection.connect(url) as connection,
        connection.cursor(row_factory=namedtuple_row) as cursor,
    ):
        await cursor.execute(_REVISION)
        (revision,) = await cursor.fetchone() or (None,)
        await cursor.execute(_COUNTS)
        counts = await cursor.fetchone() or (0, 0, 0, 0)
        chains, replay = await verify_seals(cursor), await replayed(cursor)
        await cursor.execute(_TOKENS)
        tokens = [(str(name), bytes(sealed)) for name, sealed in await cursor.fetchall()]
    broken = [str(chain.broken) for chain in chains if chain.broken] + (
        [replay.broken] if replay.broken else []
    )
    rows = f"{counts[0]} accounts, {counts[1]} orders, {counts[2]} fills, {counts[3]} positions"
    return (
        Check("schema", f"revision {revision}", ok=revision == source.base.revision),
        Check("rows", rows),
        Check(
            "journal",
            "; ".join(broken) or f"{replay.steps} changes lead to what the books say",
            ok=not broken,
        ),
        _open_tokens(tokens, keys),
    )


def _open_tokens(tokens: list[tuple[str, bytes]], keys: str | None) -> Check:
    """The broker's tokens open with the keys that would be there after a loss."""
    if not tokens:
        return Check("token", "no token is kept in the database")
    if keys is None:
        return Check(
            "token", "no keys were given; name the escrow file, or set SENEX_ENCRYPTION_KEYS", ok=False
        )
    try:
        vault = Vault(keys)
        for _, sealed in tokens:
            vault.open(sealed)
    except UsageProblem as problem:
        return Check("token", problem.message, ok=False)
    return Check("token", f"the keys open the token of {', '.join(dict(tokens))}")
