"""Random numbers by key: the same seed and key give the same number, in any order.

A generator with a state would make a price depend on who asked before; keyed
draws let a restarted simulator continue at any tick.
"""

from __future__ import annotations

from hashlib import blake2b
from statistics import NormalDist
from struct import Struct

_NORMAL = NormalDist()
_SCALE = 2.0**-53
_WORDS = 8
_WORDS_OF = Struct(f">{_WORDS}Q").unpack


class Draws:
    """Keyed uniform and normal draws for one seed."""

    def __init__(self, seed: int) -> None:
        self._seeded = blake2b(str(seed).encode(), digest_size=8)
        self._wide = blake2b(str(seed).encode(), digest_size=8 * _WORDS)

    def uniform(self, *key: str | int) -> float:
        """A number strictly between 0 and 1."""
        known = self._seeded.copy()
        known.update(repr(key).encode())
        return ((int.from_bytes(known.digest()) >> 11) + 0.5) * _SCALE

    def uniforms(self, count: int, *key: str | int) -> list[float]:
        """``count`` independent numbers strictly between 0 and 1, cheaper than one by one."""
        found: list[float] = []
        for part in range(-(-count // _WORDS)):
            known = self._wide.copy()
            known.update(repr((part, key)).encode())
            found += [((word >> 11) + 0.5) * _SCALE for word in _WORDS_OF(known.digest())]
        return found[:count]

    def normals(self, count: int, *key: str | int) -> list[float]:
        """``count`` independent standard normal numbers."""
        return [_NORMAL.inv_cdf(one) for one in self.uniforms(count, *key)]

    def between(self, low: float, high: float, *key: str | int) -> float:
        """A number between ``low`` and ``high``."""
        return low + (high - low) * self.uniform(*key)

    def whole(self, low: int, high: int, *key: str | int) -> int:
        """A whole number from ``low`` to ``high``, both included."""
        return low + int((high - low + 1) * self.uniform(*key))

    def normal(self, *key: str | int) -> float:
        """A standard normal number."""
        return _NORMAL.inv_cdf(self.uniform(*key))
