"""Brownian bridges of the factors on a lattice, any part of which can be made on its own.

A bridge has 16 coarse cells of 256 steps each; a cell is made when somebody
looks into it. Between lattice points a price moves in a straight line, so the
extremes of any stretch are known from the points inside it.
"""

from __future__ import annotations

import math
from array import array
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from senex.simulator.market.draws import Draws

COARSE = 16
FINE = 256
_COARSE_CACHED = 320
_FINE_CACHED = 24


class Bridge:
    """One factor's standard bridges by session: 0 at both ends, variance u(1-u) between."""

    def __init__(self, draws: Draws, key: str) -> None:
        self._draws = draws
        self._key = key
        self.coarse = lru_cache(maxsize=_COARSE_CACHED)(self._coarse)
        self.fine = lru_cache(maxsize=_FINE_CACHED)(self._fine)
        self.night = lru_cache(maxsize=_FINE_CACHED)(self._night)

    def _coarse(self, session: int) -> Sequence[float]:
        return _displaced(self._draws.normals(COARSE - 1, self._key, "day", session), 0.5)

    def _fine(self, session: int, cell: int) -> Sequence[float]:
        coarse = self.coarse(session)
        start, slope = coarse[cell], (coarse[cell + 1] - coarse[cell]) / FINE
        normals = self._draws.normals(FINE - 1, self._key, "cell", session, cell)
        inside = _displaced(normals, 0.5 / math.sqrt(COARSE))
        return array("d", [start + slope * step + more for step, more in enumerate(inside)])

    def _night(self, session: int) -> Sequence[float]:
        return _displaced(self._draws.normals(FINE - 1, self._key, "night", session), 0.5)


def _displaced(normals: Sequence[float], deviation: float) -> array[float]:
    """Midpoint displacement: ``deviation`` is that of the middle."""
    size = len(normals) + 1
    values = array("d", bytes(8 * (size + 1)))
    step, position = size, 0
    while step > 1:
        half = step // 2
        for left in range(0, size, step):
            middle = 0.5 * (values[left] + values[left + step])
            values[left + half] = middle + deviation * normals[position]
            position += 1
        step = half
        deviation *= math.sqrt(0.5)
    return values
