"""Where this installation keeps its secrets: one file each, rewritten where they stand."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from senex.config import (
    BackupSettings,
    ConsoleSettings,
    DaemonSettings,
    MigratorSettings,
    SecretsSettings,
    instance_folder,
    load,
    secret_files,
)
from senex.domain.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

_OTHERS = 0o077
_ALSO: Mapping[str, str] = {"encryption_keys": "encryption_key"}
"""What a running instance calls a file that is named otherwise elsewhere."""


class Places:
    """The secret files by the name of their setting, and the folders they lie in."""

    def __init__(self, files: Mapping[str, Path], folder: Path | None) -> None:
        self._files = files
        self.folder = folder

    @classmethod
    def of_settings(cls) -> Places:
        """Those the settings name; else those of the instance that runs here."""
        settings = load(SecretsSettings)
        named = secret_files(DaemonSettings, MigratorSettings, ConsoleSettings, BackupSettings)
        folder = settings.secrets_folder
        if folder is None and not named:
            folder = instance_folder(settings.instance) / "secrets"
        return cls(named, folder)

    def find(self, name: str) -> Path | None:
        """The file of a setting, where there is one."""
        if name in self._files:
            return self._files[name]
        if self.folder is not None:
            for known in (name, f"run_{name}", _ALSO.get(name, name)):
                if (self.folder / known).exists():
                    return self.folder / known
        return None

    def need(self, name: str) -> Path:
        """The file of a setting.

        Raises:
            UsageProblem: ``E_SECRET_MISSING``.
        """
        found = self.find(name)
        if found is None:
            raise UsageProblem(
                "E_SECRET_MISSING",
                f"No file holds {name}; name it with SENEX_{name.upper()}_FILE, or the folder of all of them with "
                "SENEX_SECRETS_FOLDER. Nothing was changed.",
            )
        return found

    def every(self) -> tuple[Path, ...]:
        """All of them, each once."""
        found = {path.resolve(): path for path in self._files.values()}
        if self.folder is not None:
            with suppress(OSError):
                for path in self.folder.iterdir():
                    if path.is_file() and not path.name.startswith("."):
                        found.setdefault(path.resolve(), path)
        return tuple(found.values())

    def replace(self, old: str, new: str) -> int:
        """Write ``new`` wherever a file says ``old``; how many files that were."""
        return self.edit(lambda text: text.replace(old, new))

    def edit(self, change: Callable[[str], str]) -> int:
        """Write what ``change`` makes of each file that can be read; how many it changed.

        Raises:
            UsageProblem: ``E_SECRET_WRITE``; whoever takes the old secret away must not go on.
        """
        changed = 0
        for path in self.every():
            try:
                text = read(path)
            except UsageProblem:
                continue
            if (anew := change(text)) != text:
                rewrite(path, anew)
                changed += 1
        return changed

    def tell(self, names: Iterable[str], password: str) -> None:
        """Write a password into those of the files that are there, with the end of line each had."""
        for name in names:
            if (path := self.find(name)) is not None:
                rewrite(path, password + ("\n" if read(path).endswith("\n") else ""))


def read(path: Path) -> str:
    """What a secret file says.

    Raises:
        UsageProblem: ``E_SECRET_MISSING``, ``E_SECRET_UNREADABLE``, ``E_SECRET_EMPTY``.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageProblem("E_SECRET_MISSING", f"{path} is not there; write the secret into it.") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise UsageProblem(
            "E_SECRET_UNREADABLE",
            f"{path} cannot be read ({type(problem).__name__}); give it to the user that runs this, mode 0600.",
        ) from problem
    if not text.strip():
        raise UsageProblem("E_SECRET_EMPTY", f"{path} is empty; write the secret into it.")
    return text


def open_to_others(path: Path) -> bool:
    """Whether another user of the machine could read it: by its own mode and its folder's."""
    modes = (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.resolve().parent.stat().st_mode))
    return all(mode & _OTHERS for mode in modes)


def rewrite(path: Path, text: str) -> None:
    """Make the file say ``text``, in the file itself: a container has mounted this one, not its name.

    What is to be written is safe beside it first, so that a crash in between loses nothing (``mend``).

    Raises:
        UsageProblem: ``E_SECRET_WRITE``; the file says what it said.
    """
    beside = path.with_name(f".{path.name}.next")
    part = path.with_name(f".{path.name}.part")
    try:
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        _write(part, text)
        part.rename(beside)
        mode = stat.S_IMODE(path.stat().st_mode)
        path.chmod(mode | stat.S_IWUSR)
        try:
            _write(path, text)
        finally:
            path.chmod(mode)
        beside.unlink()
    except OSError as problem:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise UsageProblem(
            "E_SECRET_WRITE",
            f"{path} cannot be written ({problem.strerror}); make room or make its folder writable, and run this "
            "again. The old secret is in force.",
        ) from problem


def mend(paths: Iterable[Path]) -> int:
    """Finish what a crash interrupted while it wrote; how many files that were."""
    mended = 0
    for path in paths:
        beside = path.with_name(f".{path.name}.next")
        if beside.exists():
            rewrite(path, read(beside))
            mended += 1
    return mended


def _write(path: Path, text: str) -> None:
    with path.open("r+b") as file:
        data = text.encode()
        file.write(data)
        file.truncate(len(data))
        file.flush()
        os.fsync(file.fileno())
