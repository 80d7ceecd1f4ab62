"""The journal: every change of the books, appended before a reply leaves.

A SQLite file in the state folder (in memory without one). Replaying it gives
the books again; a killed process loses nothing it has answered. Opening it
drops what later records of the same key have replaced, so a year loads fast.
"""

from __future__ import annotations

import fcntl
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from senex.domain.errors import Unavailable, UsageProblem
from senex.simulator.books.records import Account, Claim, ComplexOrder, Entry, Order, Sample, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from io import TextIOWrapper
    from pathlib import Path

Record = Account | Order | ComplexOrder | Entry | Snapshot | Sample | Claim
_CODECS: dict[str, TypeAdapter[Any]] = {
    "account": TypeAdapter(Account),
    "order": TypeAdapter(Order),
    "complex": TypeAdapter(ComplexOrder),
    "entry": TypeAdapter(Entry),
    "snapshot": TypeAdapter(Snapshot),
    "sample": TypeAdapter(Sample),
    "claim": TypeAdapter(Claim),
}
STATE_FORMAT = 2
"""Raised when a record's meaning changes, or the market of a seed."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS record (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
_COMPACT = """
DELETE FROM record WHERE id NOT IN (SELECT max(id) FROM record GROUP BY kind, key)
"""


def _named(record: Record) -> tuple[str, str]:
    """A record's kind and key; of two with the same, the later one holds."""
    if isinstance(record, Order):
        return "order", str(record.id)
    if isinstance(record, ComplexOrder):
        return "complex", str(record.id)
    if isinstance(record, Entry):
        return "entry", str(record.id)
    if isinstance(record, Account):
        return "account", record.number
    if isinstance(record, Snapshot):
        return "snapshot", f"{record.account} {record.day} {record.time_of_day}"
    if isinstance(record, Sample):
        return "sample", f"{record.account} {record.instant.isoformat()}"
    return "claim", f"{record.account} {record.symbol} {record.ex_date}"


@dataclass(frozen=True, slots=True)
class Journal:
    """Appends records and keeps settings (seed, timeline, clock, credentials)."""

    database: sqlite3.Connection
    lock: TextIOWrapper | None
    _coming: dict[tuple[str, str], Record] = field(default_factory=dict, init=False)
    """What the open transaction adds, the newest of each key."""

    @classmethod
    def open(cls, folder: Path | None) -> Journal:
        """Open the journal of a state folder, or one in memory.

        Raises:
            Unavailable: ``E_STATE_BUSY`` when another simulator uses the folder.
            UsageProblem: ``E_STATE_FOLDER``, ``E_STATE_BROKEN``, ``E_STATE_FORMAT``: the folder or what is
                in it cannot be used.
        """
        lock = None if folder is None else _locked(folder)
        database = None
        try:
            database = sqlite3.connect(
                ":memory:" if folder is None else folder / "journal.sqlite3", isolation_level=None
            )
            _prepare(database, folder)
        except BaseException as problem:
            for opened in (database, lock):
                if opened is not None:
                    opened.close()
            if isinstance(problem, sqlite3.Error):
                raise UsageProblem(
                    "E_STATE_BROKEN",
                    f"The journal in {folder} cannot be read ({problem}); use a new --state folder.",
                ) from None
            raise
        return cls(database, lock)

    def append(self, records: Iterable[Record]) -> None:
        """Add records in one transaction; of several with the same key only the last, which replaces them."""
        with self.transaction():
            for record in records:
                key = _named(record)
                self._coming.pop(key, None)
                self._coming[key] = record

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is added or set inside becomes durable together, at the end of the outermost one."""
        if self.database.in_transaction:
            yield
            return
        self.database.execute("BEGIN")
        try:
            yield
            self._write()
        except BaseException:
            self._coming.clear()
            self.database.execute("ROLLBACK")
            raise
        self.database.execute("COMMIT")

    def _write(self) -> None:
        rows = [
            (kind, key, _CODECS[kind].dump_json(record).decode())
            for (kind, key), record in self._coming.items()
        ]
        self._coming.clear()
        if rows:
            self.database.executemany("INSERT INTO record (kind, key, body) VALUES (?, ?, ?)", rows)

    def replay(self) -> Iterator[Record]:
        """Every record in the order it was added."""
        for kind, body in self.database.execute("SELECT kind, body FROM record ORDER BY id"):
            yield _CODECS[kind].validate_json(body)

    def setting(self, name: str) -> str | None:
        """A setting, if it was ever set."""
        row = self.database.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set(self, **values: str) -> None:
        """Set settings in one transaction."""
        with self.transaction():
            self.database.executemany("INSERT OR REPLACE INTO setting VALUES (?, ?)", values.items())

    def close(self) -> None:
        """Close the file and let the folder go."""
        self.database.close()
        if self.lock is not None:
            self.lock.close()


def _prepare(database: sqlite3.Connection, folder: Path | None) -> None:
    """Make or check the tables, and drop what was replaced.

    Raises:
        UsageProblem: ``E_STATE_FORMAT``: another version of the simulator wrote it.
    """
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    known = int(database.execute("PRAGMA user_version").fetchone()[0])
    used = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if used and known != STATE_FORMAT:
        raise UsageProblem(
            "E_STATE_FORMAT",
            f"{folder} was written by {'an earlier' if known < STATE_FORMAT else 'a later'} simulator, whose books "
            "and market differ; use a new --state folder.",
        )
    database.execute(f"PRAGMA user_version = {STATE_FORMAT}")
    database.executescript(_SCHEMA)
    database.execute(_COMPACT)


@dataclass(frozen=True, slots=True)
class Past(Journal):
    """The journal up to an instant, to be read only."""

    until: datetime

    def append(self, records: Iterable[Record]) -> None:
        """Nothing is added to the past."""
        raise NotImplementedError

    def replay(self) -> Iterator[Record]:
        """Every record of the past in the order it was added."""
        return (record for record in Journal.replay(self) if _dated(record) <= self.until)


def _dated(record: Record) -> datetime:
    """When a record came about; accounts and claims count as always known."""
    for name in ("updated_at", "executed_at", "taken_at", "instant"):
        dated: datetime | None = getattr(record, name, None)
        if dated is not None:
            return dated
    return datetime.min.replace(tzinfo=UTC)


def _locked(folder: Path) -> TextIOWrapper:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (folder / "lock").open("w")
    except OSError as problem:
        raise UsageProblem(
            "E_STATE_FOLDER",
            f"{folder} cannot keep a state ({problem.strerror}); choose another --state folder.",
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise Unavailable(
            "E_STATE_BUSY",
            f"Another simulator uses {folder}; stop it, or give this one its own --state folder.",
        ) from None
    return lock
