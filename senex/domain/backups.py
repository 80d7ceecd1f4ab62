"""Backups: when the daily one is due, and what is wrong when none came."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from senex.domain.alarms import Alarm, Severity
from senex.domain.calendar import NEW_YORK

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import time

BACKUP_OLD, BACKUP_WAL, BACKUP_FAILED = "BACKUP_OLD", "BACKUP_WAL", "BACKUP_FAILED"
BASE_WITHIN, WAL_WITHIN = timedelta(hours=26), timedelta(minutes=5)
SUBJECT = "backups"
BASE, WAL, VERIFY = "base", "wal", "verify"


@dataclass(frozen=True, slots=True)
class BackupState:
    """What is known of one kind of backup work: how long ago it was last done, and whether the newest try failed."""

    age: timedelta | None
    problem: str


def due_since(now: datetime, at: time) -> datetime:
    """The newest instant, up to ``now``, at which a daily backup was due: ``at`` in New York time."""
    local = now.astimezone(NEW_YORK)
    slot = datetime.combine(local.date(), at, NEW_YORK)
    if slot > local:
        slot = datetime.combine(local.date() - timedelta(days=1), at, NEW_YORK)
    return slot.astimezone(now.tzinfo)


def judge_backups(states: Mapping[str, BackupState]) -> Mapping[str, Alarm | None]:
    """Each alarm's code with the alarm, None where nothing is wrong. Where nothing keeps backups nothing is judged."""
    if not states:
        return {}
    base, wal, verified = (states.get(kind) for kind in (BASE, WAL, VERIFY))
    failed = next((each.problem for each in (base, verified) if each is not None and each.problem), None)
    return {
        BACKUP_OLD: _alarm(BACKUP_OLD, _old(base)),
        BACKUP_WAL: _alarm(BACKUP_WAL, _silent(wal)),
        BACKUP_FAILED: None if failed is None else _alarm(BACKUP_FAILED, f"A backup failed: {failed}"),
    }


def _old(base: BackupState | None) -> str | None:
    if base is None or base.age is None:
        return "No base backup has been taken yet; `senex db backup` takes one."
    if base.age <= BASE_WITHIN:
        return None
    hours = int(base.age / timedelta(hours=1))
    return f"The last base backup is {hours} hours old; `senex db backup` takes one and says what is wrong."


def _silent(wal: BackupState | None) -> str | None:
    if wal is not None and wal.age is not None and wal.age <= WAL_WITHIN:
        return None
    why = f" ({wal.problem})" if wal is not None and wal.problem else ""
    return (
        f"The write-ahead log has not been put into the backups for over {WAL_WITHIN.seconds // 60} minutes{why}; what "
        "is done since would be lost with the database."
    )


def _alarm(code: str, text: str | None) -> Alarm | None:
    return None if text is None else Alarm(code, Severity.CRITICAL, None, "backup", SUBJECT, text)
