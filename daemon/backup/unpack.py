"""Lay out a data folder from the backups, ready to recover to a point in time."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from daemon.backup import folder as places
from daemon.backup.folder import SEGMENT, Base, Line, find
from senex.domain.errors import SenexError, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from senex.machine import Account

_MODE = 0o700


@dataclass(frozen=True, slots=True)
class Source:
    """What is restored: a base backup, its line, and how far."""

    line: Line
    base: Base
    to: datetime | None

    @property
    def segments(self) -> dict[str, Path]:
        """The WAL that comes after the base backup, by plain name."""
        received = self.line.received()
        return {
            name: file
            for name, file in received.items()
            if not SEGMENT.fullmatch(name) or name[8:] >= self.base.segment[8:]
        }


def choose(folder: Path, *, to: datetime | None, line: str | None = None) -> Source:
    """The newest base backup that was finished before ``to``, of the newest line unless one is named.

    Raises:
        UsageProblem: ``E_BACKUP_NONE``, ``E_RESTORE_POINT``.
    """
    lines = places.lines_in(folder)
    chosen = next((each for each in lines if each.path.name == line), None) if line else lines[-1]
    if chosen is None:
        known = ", ".join(each.path.name for each in lines)
        raise UsageProblem("E_BACKUP_NONE", f"There is no line {line} in {folder}; there are {known}.")
    fitting = [each for each in chosen.bases if to is None or each.finished <= to]
    if not fitting:
        oldest = chosen.bases[0].finished
        raise UsageProblem(
            "E_RESTORE_POINT",
            f"No base backup in {folder} is as old as that; the earliest point there is, is "
            f"{oldest.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC.",
        )
    return Source(chosen, fitting[-1], to)


def lay_out(
    source: Source, cluster: Path, *, key: str | None, account: Account, narrate: Callable[[str], None]
) -> None:
    """Make ``cluster`` from the base backup, and its log beside it, all of it the server account's.

    Raises:
        SenexError: ``E_BACKUP_DAMAGED``.
        UsageProblem: ``E_BACKUP_KEY``; ``E_RESTORE_DISK`` where it does not fit.
    """
    narrate(f"checking base backup {source.base.label}")
    places.check_sums(source.base)
    archive = cluster.with_name(f"{cluster.name}-wal")
    try:
        for place in (cluster, archive):
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(mode=_MODE, parents=True)
        narrate("unpacking the base backup")
        _extract(find(source.base, "base.tar.gz"), cluster, key)
        _extract(find(source.base, "pg_wal.tar.gz"), cluster / "pg_wal", key)
        segments = source.segments
        narrate(f"fetching {len(segments)} files of the write-ahead log")
        for name, file in segments.items():
            _fetch(file, archive / name, key)
        _configure(cluster, archive, source.to)
        _hand_over((cluster, archive), account)
    except OSError as problem:
        raise UsageProblem(
            "E_RESTORE_DISK",
            f"{cluster.parent} does not take the restored database ({problem.strerror or problem}); make room, or "
            "choose another place.",
        ) from problem


def _extract(file: Path, target: Path, key: str | None) -> None:
    target.mkdir(mode=_MODE, exist_ok=True)
    try:
        with places.opened(file, key) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            tar.extractall(target, filter="data")
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as problem:
        raise SenexError(
            "E_BACKUP_DAMAGED", f"{file} cannot be unpacked ({problem}); restore from another base backup."
        ) from problem


def _fetch(file: Path, target: Path, key: str | None) -> None:
    """One WAL file, plain. One that breaks off would end the recovery there, so it is refused."""
    try:
        with places.opened(file, key) as stream, target.open("wb") as plain:
            shutil.copyfileobj(stream, plain, 1 << 20)
    except FileNotFoundError:  # its segment was finished meanwhile, and lies there whole now
        target.unlink(missing_ok=True)
    except (EOFError, gzip.BadGzipFile, zlib.error) as problem:
        raise SenexError(
            "E_BACKUP_DAMAGED", f"{file} breaks off; restore to a point before it, with --to."
        ) from problem


def _configure(cluster: Path, archive: Path, to: datetime | None) -> None:
    """Say how to recover. Settings a base backup brought along that concern another machine do not count."""
    lines = [
        f'restore_command = \'cp "{archive}/%f" "%p"\'',
        "recovery_target_timeline = 'latest'",
        "recovery_target_action = 'promote'",
    ]
    if to is not None:
        lines.append(f"recovery_target_time = '{to.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00'")
    (cluster / "postgresql.auto.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (cluster / "recovery.signal").touch()


def settle(cluster: Path) -> None:
    """Forget how it was recovered; the server is an ordinary one from here on."""
    (cluster / "postgresql.auto.conf").write_text("", encoding="utf-8")
    shutil.rmtree(cluster.with_name(f"{cluster.name}-wal"), ignore_errors=True)


def _hand_over(folders: tuple[Path, ...], account: Account) -> None:
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            if path.is_dir():
                path.chmod(_MODE)
            account.own(path)
