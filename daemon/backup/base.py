"""Take a base backup and a portable dump; both are made beside the backups and put there whole."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import psycopg

from daemon.backup import folder as places
from daemon.backup.folder import ABOUT, MANIFEST, STAMP, Base
from daemon.backup.machine_time import wall
from daemon.backup.tools import ask, same_major
from senex.domain.errors import SenexError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from daemon.backup.folder import Line
    from daemon.backup.tools import Facts, Tools

_TELL = "SELECT tell_backup(%s, %s, %s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What backups are taken with: where to, as whom, by which programs."""

    folder: Path
    url: str
    tools: Tools
    spool: Path
    key: str | None


def look(means: Means) -> tuple[Facts, Line]:
    """The facts of the database, which the programs have to fit, and where its backups go.

    Raises:
        UsageProblem: ``E_BACKUP_VERSION``, ``E_BACKUP_EMPTY``, ``E_BACKUP_FOLDER``.
        Unavailable: ``E_POSTGRES_AWAY``.
    """
    facts = ask(means.url)
    same_major(means.tools, facts)
    return facts, places.line_of(means.folder, facts.namespace)


def take_base(means: Means, *, narrate: Callable[[str], None]) -> Base:
    """Take a base backup that restores by itself, checked and summed up, into the folder's line of this deployment.

    Raises:
        As ``look``.
        SenexError: ``E_BACKUP_TOOL``.
    """
    facts, line = look(means)
    started = wall()
    with told(means.url, "base"), staged(means.spool) as stage:
        narrate("copying the database")
        means.tools.run(
            "pg_basebackup",
            f"--pgdata={stage}",
            "--format=tar",
            "--gzip",
            "--wal-method=stream",
            "--checkpoint=fast",
            "--manifest-checksums=SHA256",
            f"--label=senex {started.strftime(STAMP)}",
            "--no-password",
            "--progress",
            url=means.url,
            percent=lambda done: narrate(f"copying the database: {done} %"),
        )
        narrate("putting it away")
        return put_away(line, stage, facts, started=started, key=means.key)


def put_away(line: Line, stage: Path, facts: Facts, *, started: datetime, key: str | None) -> Base:
    """The staged files as a base backup of the line: whole, or nothing of it.

    Raises:
        UsageProblem: ``E_BACKUP_FOLDER``; SenexError: ``E_BACKUP_DAMAGED``.
    """
    label = started.strftime(STAMP)
    segment, timeline = first_segment(stage / MANIFEST)
    part, final = line.path / "base" / f".{label}.part", line.path / "base" / label
    try:
        part.mkdir(mode=0o700)
        for file in sorted(stage.iterdir()):
            places.put(file, part / file.name, key)
        about = {
            "started": started.isoformat(timespec="seconds"),
            "finished": wall().isoformat(timespec="seconds"),
            "server": facts.version,
            "major": facts.major,
            "namespace": facts.namespace,
            "revision": facts.revision,
            "timeline": timeline,
            "segment": segment,
            "sealed": "yes" if key else "no",
        }
        (part / ABOUT).write_text(
            "".join(f"{name}={value}\n" for name, value in about.items()), encoding="utf-8"
        )
        places.write_sums(part)
        part.rename(final)
    except OSError as problem:
        raise places.unusable(line.path, problem) from problem
    finally:
        shutil.rmtree(part, ignore_errors=True)
    found = next((each for each in line.bases if each.path == final), None)
    if found is None:
        raise SenexError("E_BACKUP_DAMAGED", f"{final} cannot be read back; take another base backup.")
    return found


def first_segment(manifest: Path, *, size: int = 16 << 20) -> tuple[str, int]:
    """The first WAL segment a base backup needs, and its timeline, as its manifest says."""
    ranges = json.loads(manifest.read_text(encoding="utf-8"))["WAL-Ranges"]
    timeline = int(ranges[0]["Timeline"])
    high, low = (int(part, 16) for part in ranges[0]["Start-LSN"].split("/"))
    number = ((high << 32) + low) // size
    per_log = (1 << 32) // size
    return f"{timeline:08X}{number // per_log:08X}{number % per_log:08X}", timeline


def take_dump(means: Means) -> Path:
    """Dump the database in the form any major version from this one on takes; no WAL replays onto it.

    Raises:
        As ``take_base``.
    """
    _, line = look(means)
    label = wall().strftime(STAMP)
    with told(means.url, "dump"), staged(means.spool) as stage:
        file = f"--file={stage / 'dump'}"
        means.tools.run("pg_dump", "--format=custom", "--no-password", file, url=means.url)
        return places.put(stage / "dump", line.path / "dump" / f"{label}.dump", means.key)


@contextmanager
def staged(spool: Path) -> Iterator[Path]:
    """A folder of our own beside the backups, gone afterwards; what is to be sealed never lies open there."""
    spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in spool.glob("stage-*"):  # by a process that was killed
        if not psutil.pid_exists(int(left.name.split("-")[1])):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"stage-{os.getpid()}-", dir=spool) as name:
        yield Path(name)


@contextmanager
def told(url: str, kind: str) -> Iterator[None]:
    """Tell the database how it went, for the alarms; a database that is away hears it the next time."""
    try:
        yield
    except SenexError as problem:
        tell(url, kind, ok=False, detail=str(problem))
        raise
    tell(url, kind, ok=True, detail="")


def tell(url: str, kind: str, *, ok: bool, detail: str) -> None:
    """Note the outcome of a kind of backup work; said again at the next outcome where nobody listens now."""
    try:
        with psycopg.connect(url, connect_timeout=5, autocommit=True) as connection:
            connection.execute(_TELL, (kind, ok, detail[:300]))
    except psycopg.Error:
        return
