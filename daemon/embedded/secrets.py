"""Passwords of one instance: one file each, mode 0600, made once."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_BITS_OF_A_PASSWORD = 32  # bytes of randomness, so a plain hash of it is safe to store


def _password() -> str:
    return secrets.token_urlsafe(_BITS_OF_A_PASSWORD)


@dataclass(frozen=True)
class SecretFiles:
    """The secret files of one instance; the folder is 0700 and belongs to the starter."""

    folder: Path

    def write(self, name: str, value: str) -> Path:
        """Keep ``value`` as the file ``name``, whole or not at all; answer its path."""
        path, part = self.folder / name, self.folder / f".{name}.{os.getpid()}"
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        part.write_text(value + "\n", encoding="utf-8")
        part.rename(path)
        return path

    def read_or_make(self, name: str, make: Callable[[], str] = _password) -> str:
        """Answer the secret called ``name``, made on first use.

        The file appears whole or not at all, so a crash never leaves half a password.
        """
        path = self.folder / name
        try:
            return path.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            self.write(name, make())
            return path.read_text(encoding="utf-8").strip()
