"""The daemon's part ``backup``: receives the log all the time, and takes each backup when it is due.

Days are New York's on the machine's clock, whatever the market's: a simulated month needs no thirty backups.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING

import psycopg
import structlog

from daemon.backup import folder as places
from daemon.backup.base import look, take_base, take_dump, tell
from daemon.backup.machine_time import wall
from daemon.backup.tools import ask
from daemon.backup.verify import verify
from daemon.backup.wal import Receiver
from senex.domain.backups import due_since
from senex.domain.errors import SenexError, Unavailable

if TYPE_CHECKING:
    from daemon.backup.where import Where

SHIP_SECONDS = 10.0
_LOOK_SECONDS = 60.0
_AFTER_FAILURE = 300.0
_DUMPS_EVERY, _VERIFY_EVERY = timedelta(days=7), timedelta(days=30)
_DONE = "SELECT kind, done_at FROM backup_state WHERE done_at IS NOT NULL"
_log = structlog.get_logger("senex.backup")


@dataclass
class Keeper:
    """Everything that is to be done, again and again, until it is cancelled."""

    where: Where
    ship_seconds: float = SHIP_SECONDS
    tell_seconds: float = 30.0
    _told: float = -1e9

    async def run(self) -> None:
        """Receive and take, side by side: a long base backup holds up no log."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._receive())
            group.create_task(self._take())

    async def _receive(self) -> None:
        receiver: Receiver | None = None
        try:
            while True:
                try:
                    if receiver is None:
                        receiver = await asyncio.to_thread(self._receiver)
                    await asyncio.to_thread(self._round, receiver)
                except (SenexError, psycopg.Error) as problem:
                    _log.warning("the write-ahead log is not kept", why=str(problem))
                    await asyncio.to_thread(tell, self.where.url, "wal", ok=False, detail=str(problem))
                await asyncio.sleep(self.ship_seconds)
        finally:
            if receiver is not None:
                receiver.stop()

    def _receiver(self) -> Receiver:
        means = self.where.means
        _, line = look(means)
        return Receiver(line, means)

    def _round(self, receiver: Receiver) -> None:
        running = receiver.keep()
        receiver.ship()
        if running and monotonic() - self._told >= self.tell_seconds:
            self._told = monotonic()
            tell(self.where.url, "wal", ok=True, detail="")

    async def _take(self) -> None:
        pause = 0.0
        while True:
            await asyncio.sleep(pause)
            try:
                await asyncio.to_thread(self._what_is_due)
                pause = _LOOK_SECONDS
            except SenexError as problem:
                _log.error("a backup failed", code=problem.code, why=problem.message)
                pause = _AFTER_FAILURE

    def _what_is_due(self) -> None:
        where, now = self.where, wall()
        means = where.means
        try:
            with psycopg.connect(means.url, connect_timeout=10) as connection:
                done: dict[str, datetime] = dict(connection.execute(_DONE).fetchall())
        except psycopg.OperationalError as problem:
            raise Unavailable(
                "E_POSTGRES_AWAY", "Postgres does not answer; backups wait for it."
            ) from problem
        line = places.line_of(means.folder, ask(means.url).namespace)
        newest = line.bases[-1].finished if line.bases else None
        if newest is None or newest < due_since(now, where.settings.backup_at):
            base = take_base(means, narrate=_log.debug)
            gone = places.prune(where.folder, now=now, days=where.settings.backup_retention_days)
            _log.info("base backup taken", base=base.label, bytes=base.size, removed=len(gone))
        if _older(done.get("dump"), now - _DUMPS_EVERY):
            _log.info("dump taken", file=take_dump(means).name)
        if newest is not None and _older(done.get("verify"), now - _VERIFY_EVERY):
            self._verify()

    def _verify(self) -> None:
        where = self.where
        try:
            found = verify(
                where.folder,
                work=where.places.root,
                key=where.key,
                encryption_keys=where.encryption_keys,
                programs=where.settings.postgres_bin,
                narrate=_log.debug,
            )
        except SenexError as problem:
            tell(where.url, "verify", ok=False, detail=str(problem))
            raise
        failed = "; ".join(f"{check.name}: {check.said}" for check in found.checks if not check.ok)
        tell(where.url, "verify", ok=found.ok, detail=failed)
        _log.info("backup verified", base=found.base, seconds=found.seconds, failed=failed or None)


def _older(done: datetime | None, edge: datetime) -> bool:
    return done is None or done < edge
