"""Receive the write-ahead log all the time, and put it into the backups every few seconds.

``pg_receivewal`` writes into a spool beside the database, so that a mount which hangs or is gone
never stops it; its replication slot keeps on the server what was not received while nobody did.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg

from daemon.backup import folder as places
from daemon.backup.folder import SEGMENT
from daemon.backup.tools import start

if TYPE_CHECKING:
    from pathlib import Path

    from daemon.backup.base import Means
    from daemon.backup.folder import Line

SLOT = "senex_backup"
_KEPT_IN_SPOOL = 2
"""Whole segments left to the receiver, which learns from the newest where to go on."""


@dataclass(slots=True)
class Receiver:
    """One ``pg_receivewal`` and what has been put away of what it received."""

    line: Line
    means: Means
    _process: subprocess.Popen[bytes] | None = None
    _shipped: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where the receiver writes; one for each line, since another deployment's log does not go on from it."""
        return self.means.spool / f"wal-{self.line.path.name}"

    def keep(self) -> bool:
        """See to it that the receiver runs; whether it already did.

        Raises:
            SenexError: ``E_BACKUP_TOOL`` when the slot cannot be made.
        """
        if self._process is not None and self._process.poll() is None:
            return True
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _drop_lost_slot(self.means.url)
        slot = f"--slot={SLOT}"
        self.means.tools.run(
            "pg_receivewal", "--create-slot", "--if-not-exists", slot, "--no-password", url=self.means.url
        )
        options = [f"--directory={self.folder}", slot, "--synchronous", "--no-password", "--no-loop"]
        log = self.means.spool / "receive.log"
        self._process = start(self.means.tools, "pg_receivewal", options, url=self.means.url, log=log)
        return False

    def ship(self) -> None:
        """Put what is new into the backups.

        Raises:
            UsageProblem: ``E_BACKUP_FOLDER``.
        """
        files = sorted(self.folder.glob("[!.]*"))
        whole = [file for file in files if SEGMENT.fullmatch(file.name)]
        for file in files:
            try:
                stat = file.stat()
            except FileNotFoundError:  # this segment was finished while those before it were put away
                continue
            mark = (stat.st_mtime_ns, stat.st_size)
            if self._shipped.get(file.name) == mark:
                continue
            places.put(file, self.line.wal / file.name, self.means.key, pack=True)
            self._shipped[file.name] = mark
            if file in whole:
                for partial in self.line.wal.glob(f"{file.name}.partial.gz*"):
                    partial.unlink()
        for file in whole[:-_KEPT_IN_SPOOL]:
            file.unlink()
            self._shipped.pop(file.name, None)

    def stop(self) -> None:
        """End the receiver; the slot stays, so nothing is missed."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


def _drop_lost_slot(url: str) -> None:
    """A slot the server has given up because too much piled up is made anew; a base backup has to follow."""
    with psycopg.connect(url, connect_timeout=10, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots "
            "WHERE slot_name = %s AND wal_status = 'lost' AND NOT active",
            (SLOT,),
        )
