"""When a backup is due, and what is wrong when none came."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from senex.domain.backups import BACKUP_FAILED, BACKUP_OLD, BACKUP_WAL, BackupState, due_since, judge_backups

FINE = {
    "base": BackupState(timedelta(hours=25), ""),
    "wal": BackupState(timedelta(seconds=40), ""),
    "verify": BackupState(timedelta(days=20), ""),
}


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-11-26T06:59:00", "2026-11-25T07:00:00"),
        ("2026-11-26T07:00:00", "2026-11-26T07:00:00"),
        ("2026-07-01T05:59:00", "2026-06-30T06:00:00"),
        ("2026-03-08T12:00:00", "2026-03-08T07:00:00"),  # an hour that the clock leaves out
        ("2026-11-01T12:00:00", "2026-11-01T07:00:00"),  # the hour before it comes twice
    ],
)
def test_the_daily_backup_is_due_at_two_in_new_york(now: str, due: str) -> None:
    found = due_since(datetime.fromisoformat(now).replace(tzinfo=UTC), time(2))

    assert found == datetime.fromisoformat(due).replace(tzinfo=UTC)


def test_where_nobody_keeps_backups_nothing_is_judged() -> None:
    assert judge_backups({}) == {}


def test_fresh_backups_are_nothing_to_tell() -> None:
    assert judge_backups(FINE) == {BACKUP_OLD: None, BACKUP_WAL: None, BACKUP_FAILED: None}


@pytest.mark.parametrize(
    ("kind", "state", "code", "said"),
    [
        ("base", BackupState(timedelta(hours=27), ""), BACKUP_OLD, "27 hours"),
        ("base", BackupState(None, "no room"), BACKUP_OLD, "No base backup"),
        ("base", BackupState(timedelta(hours=3), "no room"), BACKUP_FAILED, "no room"),
        ("wal", BackupState(timedelta(minutes=6), "the mount is gone"), BACKUP_WAL, "(the mount is gone)"),
        ("wal", BackupState(None, ""), BACKUP_WAL, "5 minutes"),
        ("verify", BackupState(timedelta(days=1), "token: wrong"), BACKUP_FAILED, "token: wrong"),
    ],
)
def test_what_would_be_lost_is_said(kind: str, state: BackupState, code: str, said: str) -> None:
    alarm = judge_backups({**FINE, kind: state})[code]

    assert alarm is not None
    assert said in alarm.text


def test_what_was_never_tried_is_missed_once_anything_was() -> None:
    found = judge_backups({"wal": FINE["wal"]})

    assert found[BACKUP_OLD] is not None
    assert found[BACKUP_WAL] is None
