"""The layout of a backup folder, the same for senex and for ``containers/backup``.

    FOLDER/LINE/base/20261126T070000Z/  base.tar.gz pg_wal.tar.gz backup_manifest about SHA256SUMS
    FOLDER/LINE/wal/                    SEGMENT.gz, SEGMENT.partial.gz while it fills, TIMELINE.history.gz
    FOLDER/LINE/dump/                   20261126T070000Z.dump

LINE is the first eight digits of the deployment's namespace. A restored deployment has another
one, so an old host that writes on never touches what the new one keeps. Files end in ``.sealed``
where a backup key is set.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from daemon.backup.sealing import SUFFIX, seal, unseal
from senex.domain.errors import SenexError, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

STAMP = "%Y%m%dT%H%M%SZ"
ABOUT, SUMS, MANIFEST = "about", "SHA256SUMS", "backup_manifest"
SEGMENT = re.compile(r"[0-9A-F]{24}")
_HISTORY = re.compile(r"[0-9A-F]{8}\.history")
_LINE = re.compile(r"[0-9a-f]{8}")
_PART = ".part"
_AT_WORK = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Base:
    """One base backup that is whole."""

    path: Path
    finished: datetime
    major: int
    segment: str
    """The first WAL segment it needs."""
    revision: str
    sealed: bool

    @property
    def label(self) -> str:
        return self.path.name

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(each.stat().st_size for each in self.path.iterdir())


@dataclass(frozen=True, slots=True)
class Line:
    """All backups of one deployment."""

    path: Path

    @property
    def bases(self) -> list[Base]:
        """Whole base backups, oldest first."""
        found = [_read_base(each) for each in sorted((self.path / "base").glob("*Z"))]
        return [each for each in found if each is not None]

    @property
    def wal(self) -> Path:
        return self.path / "wal"

    def received(self) -> dict[str, Path]:
        """Each WAL file there is by its plain name; a partial segment only where the whole one is not there."""
        whole: dict[str, Path] = {}
        partial: dict[str, Path] = {}
        for file in self.wal.glob("*.gz*"):
            name = file.name.removesuffix(SUFFIX).removesuffix(".gz")
            if SEGMENT.fullmatch(name) or _HISTORY.fullmatch(name):
                whole[name] = file
            elif SEGMENT.fullmatch(name.removesuffix(".partial")):
                partial[name.removesuffix(".partial")] = file
        return {**partial, **whole}


def line_of(folder: Path, namespace: str) -> Line:
    """Where the deployment of that namespace keeps its backups; made where it is missing.

    Raises:
        UsageProblem: ``E_BACKUP_FOLDER``.
    """
    line = Line(folder / namespace.replace("-", "")[:8])
    try:
        for name in ("base", "wal", "dump"):
            (line.path / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise unusable(folder, problem) from problem
    return line


def lines_in(folder: Path) -> list[Line]:
    """Every line with a base backup, the one with the newest last.

    Raises:
        UsageProblem: ``E_BACKUP_NONE`` when there is none.
    """
    try:
        found = [Line(each) for each in folder.iterdir() if _LINE.fullmatch(each.name)]
    except OSError as problem:
        raise unusable(folder, problem) from problem
    lines = [each for each in found if each.bases]
    if not lines:
        raise UsageProblem("E_BACKUP_NONE", f"{folder} holds no base backup; `senex db backup` takes one.")
    return sorted(lines, key=lambda each: each.bases[-1].finished)


def unusable(folder: Path, problem: OSError) -> UsageProblem:
    """Say that the folder cannot be used."""
    return UsageProblem(
        "E_BACKUP_FOLDER",
        f"The backup folder {folder} cannot be used ({problem.strerror}); mount it, make room, or name another with "
        "SENEX_BACKUP_FOLDER.",
    )


def put(source: Path, target: Path, key: str | None, *, pack: bool = False) -> Path:
    """Copy a file into the backups, packed and sealed as asked, whole or not at all; where it lies then.

    Raises:
        UsageProblem: ``E_BACKUP_FOLDER`` where it cannot be written: a full disk, a mount that is gone.
    """
    final = target.with_name(target.name + (".gz" if pack else "") + (SUFFIX if key else ""))
    part = final.with_name(f".{final.name}{_PART}")
    staged = source
    try:
        if pack:
            staged = source.with_name(f".{source.name}.gz{_PART}")
            with source.open("rb") as plain, gzip.open(staged, "wb", compresslevel=1) as packed:
                shutil.copyfileobj(plain, packed, 1 << 20)
        with staged.open("rb") as plain, part.open("wb") as file:
            if key:
                seal(plain, file, key)
            else:
                shutil.copyfileobj(plain, file, 1 << 20)
            file.flush()
            os.fsync(file.fileno())
        part.rename(final)
    except OSError as problem:
        part.unlink(missing_ok=True)
        raise unusable(target.parent, problem) from problem
    finally:
        if staged != source:
            staged.unlink(missing_ok=True)
    return final


class _Chunks:
    """Chunks to read from like a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._rest) < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._rest += chunk
        size = len(self._rest) if size < 0 else size
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


@contextmanager
def opened(path: Path, key: str | None) -> Iterator[BinaryIO]:
    """A file of the backups to read, unsealed and unpacked.

    Raises:
        UsageProblem: ``E_BACKUP_KEY`` where it is sealed and no key was given.
    """
    with path.open("rb") as raw:
        plain: Any = raw
        if path.name.endswith(SUFFIX):
            if key is None:
                raise UsageProblem(
                    "E_BACKUP_KEY",
                    f"{path.name} is sealed; give its key with SENEX_BACKUP_KEY or an escrow file.",
                )
            plain = _Chunks(unseal(raw, key))
        if path.name.removesuffix(SUFFIX).endswith(".gz"):
            with gzip.GzipFile(fileobj=plain) as unpacked:
                yield unpacked  # type: ignore[misc]  # reads like one, and no more is done
        else:
            yield plain


def find(base: Base, name: str) -> Path:
    """A file of a base backup, sealed or not."""
    return next(base.path.glob(f"{name}{SUFFIX}"), base.path / name)


def write_sums(folder: Path) -> None:
    """Note the checksum of every file, as ``sha256sum`` writes them."""
    lines = [f"{_sum(each)}  {each.name}\n" for each in sorted(folder.iterdir()) if each.name != SUMS]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def check_sums(base: Base) -> None:
    """Read every file of a base backup again.

    Raises:
        SenexError: ``E_BACKUP_DAMAGED`` naming the first that is not what was written.
    """
    sums = base.path / SUMS
    if not sums.is_file():
        raise _damaged(sums)
    for line in sums.read_text(encoding="utf-8").splitlines():
        wanted, _, name = line.partition("  ")
        file = base.path / name
        if not file.is_file() or _sum(file) != wanted:
            raise _damaged(file)


def _damaged(file: Path) -> SenexError:
    return SenexError(
        "E_BACKUP_DAMAGED", f"{file} is not what was written there; restore from another base backup."
    )


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_base(path: Path) -> Base | None:
    try:
        about = dict(
            line.split("=", 1)
            for line in (path / ABOUT).read_text(encoding="utf-8").splitlines()
            if "=" in line
        )
        finished = datetime.fromisoformat(about["finished"])
        return Base(
            path=path,
            finished=finished if finished.tzinfo else finished.replace(tzinfo=UTC),
            major=int(about["major"]),
            segment=about["segment"],
            revision=about["revision"],
            sealed=about.get("sealed") == "yes",
        )
    except (OSError, KeyError, ValueError):
        return None  # one that was not finished


def _prune_halves(line: Line, now: datetime) -> list[str]:
    """Remove what a process that was killed has left, and not what one is at."""
    gone = []
    for half in (line.path / "base").glob(f".*Z{_PART}"):
        if _stamp(half.name[1:17]) < now - _AT_WORK:
            shutil.rmtree(half)
            gone.append(f"{line.path.name}/base/{half.name}")
    return gone


def _stamp(text: str) -> datetime:
    return datetime.strptime(text, STAMP).replace(tzinfo=UTC)


def prune(folder: Path, *, now: datetime, days: int) -> list[str]:
    """Remove what is older than ``days`` and nobody needs; the newest base backup always stays. What went."""
    gone: list[str] = []
    edge = now - timedelta(days=days)
    lines = lines_in(folder)
    for line in lines:
        gone += _prune_halves(line, now)
        bases = line.bases
        old = [each for each in bases if each.finished < edge]
        if line is lines[-1] and len(old) == len(bases):
            old = old[:-1]
        kept = [each for each in bases if each not in old]
        for base in old:
            shutil.rmtree(base.path)
            gone.append(f"{line.path.name}/base/{base.label}")
        if not kept:
            shutil.rmtree(line.path)
            continue
        # segments after the timeline's eight digits are in the order in which they were written
        first = min(each.segment[8:] for each in kept)
        for name, file in line.received().items():
            if SEGMENT.fullmatch(name) and name[8:] < first:
                file.unlink()
                gone.append(f"{line.path.name}/wal/{name}")
        dumps = sorted((line.path / "dump").glob("*Z.dump*"))
        for dump in dumps[:-1]:
            if _stamp(dump.name[:16]) < edge:
                dump.unlink()
                gone.append(f"{line.path.name}/dump/{dump.name}")
    return gone
