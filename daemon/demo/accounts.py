"""Numbers of simulated accounts: one that stays with an instance, or one nobody had before."""

from __future__ import annotations

import secrets
from zlib import crc32

_PREFIX = "5SX"
_DIGITS = 100_000


def account_number(instance: str) -> str:
    """The instance's own account, the same at every start."""
    return f"{_PREFIX}{crc32(instance.encode()) % _DIGITS:05d}"


def fresh_number() -> str:
    """A number for an account that begins with this run."""
    return f"{_PREFIX}{secrets.randbelow(_DIGITS):05d}F"
