"""Numbers of simulated accounts: one that stays with a market, or one nobody had before."""

from __future__ import annotations

import secrets
from zlib import crc32

_PREFIX = "5SX"
_DIGITS = 10**8


def account_number(market: str) -> str:
    """The account of a market that is kept, the same at every start."""
    return f"{_PREFIX}{crc32(market.encode()) % _DIGITS:08d}"


def fresh_number() -> str:
    """A number for an account that begins with this run."""
    return f"{_PREFIX}{secrets.randbelow(_DIGITS):08d}"
