"""Which Postgres made a data folder, which one is bundled, and where one of another major is to be had.

Majors do not share data folders. A copy of the bundled server is kept beside the data while its
major fits, so that a later senex can still read what an earlier one wrote.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.embedded.places import NOT_NEEDED
from daemon.embedded.processes import server_environment
from senex.domain.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterator

_VERSION = re.compile(r"\(PostgreSQL\)\s+(\d+)")
KEPT = ".servers"
_SYSTEM = ("/usr/lib/postgresql/{}/bin", "/usr/pgsql-{}/bin", "/opt/homebrew/opt/postgresql@{}/bin")
_IN_PACKAGES = ("pginstall/bin", "bin", "*/pginstall/bin")
STATE = "postgres-upgrade.json"


def major_of_data(folder: Path) -> int | None:
    """The major that made a data folder; None where there is none yet, or what stands there is no major."""
    try:
        text = (folder / "PG_VERSION").read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return None
    return int(text) if text.isdigit() else None


def major_of_server(programs: Path) -> int | None:
    """The major of the server among ``programs``; None where there is none that runs."""
    try:
        told = subprocess.run(
            [programs / "postgres", "--version"],
            env=server_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return None
    found = _VERSION.search(told.stdout)
    return int(found.group(1)) if found else None


def refuse_other_major(folder: Path, programs: Path) -> None:
    """Leave data of another Postgres alone.

    Raises:
        UsageProblem: ``E_POSTGRES_MAJOR``, ``E_POSTGRES_NEWER``.
    """
    if folder.with_name(STATE).exists():
        raise UsageProblem(
            "E_POSTGRES_MAJOR",
            f"The upgrade of the data in {folder} was interrupted after it was verified; run `senex db upgrade-server` "
            "again to end it. Nothing was changed.",
        )
    found = major_of_data(folder)
    if found is None:
        return
    ours = major_of_server(programs)
    if ours is None or found == ours:
        return
    if found > ours:
        raise UsageProblem(
            "E_POSTGRES_NEWER",
            f"The data in {folder} is of Postgres {found} and this senex brings Postgres {ours}; use the senex that "
            "wrote it, or a newer one. Nothing was changed.",
        )
    raise UsageProblem(
        "E_POSTGRES_MAJOR",
        f"The data in {folder} is of Postgres {found} and this senex brings Postgres {ours}; run "
        "`senex db upgrade-server`, which backs it up and brings it over. Nothing was changed.",
    )


def find_server(major: int, *, base: Path, named: Path | None = None) -> Path:
    """The programs of a Postgres of that major: those named, those kept, or the system's.

    Raises:
        UsageProblem: ``E_OLD_SERVER``.
    """
    looked = _under(named) if named is not None else _known(major, base)
    for folder in looked:
        if major_of_server(folder) == major:
            return folder
    where = f"in {named}" if named is not None else "on this machine"
    raise UsageProblem(
        "E_OLD_SERVER",
        f"The data is of Postgres {major} and no server of Postgres {major} was found {where}, which alone can read "
        f"it; install one (Debian: apt install postgresql-{major}; or a Python package that brings it, with pip "
        "install --no-deps --target FOLDER) and name its folder with --old-server. Nothing was changed.",
    )


def keep_server(programs: Path, base: Path) -> None:
    """Keep the bundled server for the day a newer senex brings another; costs no room where links can be made."""
    major = major_of_server(programs)
    target = base / KEPT / f"postgres-{major}"
    if major is None or target.exists():
        return
    package = programs.parents[1]
    part = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(part, ignore_errors=True)
    part.parent.mkdir(mode=0o755, exist_ok=True)
    for folder in (package, package.with_name(f"{package.name}.libs")):
        if folder.is_dir():
            shutil.copytree(
                folder, part / folder.name, symlinks=True, ignore=NOT_NEEDED, copy_function=_link_or_copy
            )
    if major_of_server(part / package.name / "pginstall" / "bin") != major:  # what it needs is not all there
        shutil.rmtree(part)
        return
    try:
        part.rename(target)
    except OSError:  # another starter was faster
        shutil.rmtree(part, ignore_errors=True)


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _known(major: int, base: Path) -> Iterator[Path]:
    yield from _under(base / KEPT / f"postgres-{major}")
    for pattern in _SYSTEM:
        yield Path(pattern.format(major))


def _under(folder: Path) -> Iterator[Path]:
    """The folder itself, or where packages have their programs below it."""
    yield folder
    for pattern in _IN_PACKAGES:
        with suppress(OSError):
            yield from folder.glob(pattern)
