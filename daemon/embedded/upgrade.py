"""Bring an instance's Postgres data to the bundled major: dump, restore beside, verify, change places.

The original is read by a server of its own major and never written to by us; it is kept under another
name. Until the copy is verified an interrupted run has changed nothing and begins anew; from then on
the next run ends it.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from daemon.embedded.dumping import Tools
from daemon.embedded.endpoints import PostgresEndpoint
from daemon.embedded.lock import InstanceLock
from daemon.embedded.majors import STATE, find_server, major_of_data, major_of_server, refuse_other_major
from daemon.embedded.places import Programs, find_programs, make_places
from daemon.embedded.postgres import SUPERUSER, PostgresServer
from daemon.embedded.processes import end, living
from daemon.embedded.secrets import SecretFiles
from daemon.embedded.storage import disk_full, storage_errors
from senex.domain.errors import SenexError, UsageProblem
from senex.machine import blocking_folder, server_account

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_NEXT = "postgres.next"
_ROOM = 2.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgraded:
    """What was done; nothing where ``before`` is ``after``."""

    before: int
    after: int
    backup: str | None = None
    original: str | None = None
    tables: int = 0
    rows: int = 0


class Upgrade:
    """The upgrade of one instance, which must not run meanwhile."""

    def __init__(
        self,
        instance: str,
        *,
        root: Path | None = None,
        old_server: Path | None = None,
        narrate: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self._account = server_account()
        self._places = make_places(instance, root, self._account)
        self._lock = InstanceLock(self._places.lock, instance)
        self._secrets = SecretFiles(self._places.secrets)
        self._programs = find_programs(self._account)
        self._old_server = old_server
        self._narrate = narrate
        self._state = self._places.root / STATE
        self._next = self._places.root / _NEXT

    def run(self) -> Upgraded:
        """Do it, or end what was begun.

        Raises:
            SenexError: ``E_INSTANCE_BUSY``, ``E_OLD_SERVER``, ``E_POSTGRES_NEWER``, ``E_DISK_FULL``,
                ``E_POSTGRES_TOOL``, ``E_UPGRADE_DIFFERS``: the original is as it was.
        """
        with storage_errors(self._places.root):
            self._lock.acquire()
            try:
                return self._finish() if self._state.exists() else self._do()
            finally:
                self._lock.release()

    def _do(self) -> Upgraded:
        data = self._places.postgres
        before, after = major_of_data(data), major_of_server(self._programs.postgres_bin)
        if before is None or after is None or before == after:
            return Upgraded(before=after or 0, after=after or 0)
        if before > after:
            refuse_other_major(data, self._programs.postgres_bin)
        old = self._find_old(before)
        self._need_room(data)
        self._clear_next()
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")  # noqa: TID251  machine time, for people
        backup = self._places.root / "backups" / f"postgres-{before}-{stamp}"
        self._narrate(f"backing up the data of Postgres {before} into {backup}")
        with self._serving(data, old) as tools:
            dumped, wanted = tools.dump(backup), tools.content()
        self._narrate(f"restoring {len(wanted.tables)} tables, {wanted.rows} rows into Postgres {after}")
        try:
            with self._serving(self._next, self._programs) as tools:
                tools.restore(dumped)
                self._narrate("verifying every row and every sequence")
                found = tools.content()
                tools.forget_timeline()
        except BaseException:
            self._clear_next()
            raise
        if found != wanted:
            self._clear_next()
            raise SenexError(
                "E_UPGRADE_DIFFERS",
                f"What Postgres {after} holds after the restore differs from the original, which is as it was; keep "
                f"the senex of before, and report this with the dump in {backup}.",
            )
        done = Upgraded(
            before=before,
            after=after,
            backup=str(backup),
            original=self._free_name(f"postgres.{before}"),
            tables=len(wanted.tables),
            rows=wanted.rows,
        )
        self._remember(done)
        return self._finish()

    def _finish(self) -> Upgraded:
        """Change places; whatever of it has happened stays."""
        told = json.loads(self._state.read_text(encoding="utf-8"))
        done = Upgraded(**told)
        data, original = self._places.postgres, self._places.root / str(done.original)
        if self._next.exists():
            if data.exists() and not original.exists():
                data.rename(original)
            self._next.rename(data)
        self._state.unlink()
        return done

    def _remember(self, done: Upgraded) -> None:
        part = self._state.with_suffix(".part")
        with part.open("w", encoding="utf-8") as file:
            json.dump(asdict(done), file)
            file.flush()
            os.fsync(file.fileno())
        part.rename(self._state)

    @contextmanager
    def _serving(self, data: Path, programs: Programs) -> Iterator[Tools]:
        """A server on that data for the block, and the bundled tools on it: newer tools read older servers."""
        password = self._secrets.read_or_make("postgres_superuser")
        server = PostgresServer(
            folder=data,
            log=self._places.logs / "postgres-upgrade.log",
            account=self._account,
            programs=programs,
            password=password,
        )
        server.start()
        try:
            endpoint = PostgresEndpoint(server.host, server.port, SUPERUSER, password)
            with Tools(
                self._programs, endpoint, passwords=self._places.secrets / "upgrade_passwords"
            ) as tools:
                yield tools
        finally:
            server.stop()

    def _find_old(self, major: int) -> Programs:
        found = find_server(major, base=self._places.root.parent, named=self._old_server)
        blocked = blocking_folder(found, self._account)
        if blocked is not None:
            raise UsageProblem(
                "E_OLD_SERVER",
                f"The folder {blocked} with the server of Postgres {major} is closed to the account "
                f"'{self._account.name}' that has to run it; put the server where that account can reach it. "
                "Nothing was changed.",
            )
        return Programs(postgres_bin=found, valkey_server=self._programs.valkey_server)

    def _need_room(self, data: Path) -> None:
        size = sum(file.lstat().st_size for file in data.rglob("*") if file.is_file())
        if shutil.disk_usage(data).free < size * _ROOM:
            raise disk_full(data)

    def _clear_next(self) -> None:
        """What an interrupted run has left is worth nothing."""
        end(living(self._next, PostgresServer.program), PostgresServer.orphan_steps)
        shutil.rmtree(self._next, ignore_errors=True)

    def _free_name(self, name: str) -> str:
        names = (name, *(f"{name}.{number}" for number in range(2, 1000)))
        return next(one for one in names if not (self._places.root / one).exists())
