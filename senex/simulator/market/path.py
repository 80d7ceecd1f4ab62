"""The price inside a session: a Brownian bridge from open to close, at any instant on its own.

Built from hat functions (Lévy's construction), so the price at a tick needs
no earlier tick: a restarted simulator continues the same path.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from senex.simulator.market.profiles import Scenario

if TYPE_CHECKING:
    from datetime import datetime

    from senex.simulator.market.daily import DailyPath
    from senex.simulator.market.draws import Draws
    from senex.simulator.market.profiles import Profile
    from senex.simulator.market.sessions import Sessions

_LEVELS = 16
_COARSE = 16
_INTRADAY = 0.45
"""Standard deviation of the bridge as a share of a typical daily move."""
_GAP = 0.3
_FLAT = 0.0004


class PricePath:
    """An underlying's price at every instant."""

    def __init__(
        self, draws: Draws, profile: Profile, daily: DailyPath, sessions: Sessions, scenario: Scenario
    ) -> None:
        self._draws = draws
        self._profile = profile
        self._daily = daily
        self._sessions = sessions
        self._wander = profile.daily * _INTRADAY if scenario is Scenario.CALM else _FLAT
        self._recent: dict[int, tuple[int, int, float]] = {}
        self._extremes = lru_cache(maxsize=512)(self._lattice)

    def price(self, instant: datetime) -> float:
        """The price in dollars (not rounded); outside regular hours the last close."""
        number = self._sessions.last_started(instant)
        return self._at(number, self._progress(number, instant))

    def bar(self, number: int, instant: datetime) -> tuple[float, float, float, float]:
        """Open, high, low, close of a session as far as it has gone, in dollars to the cent."""
        progress = self._progress(number, instant)
        opened = round(self._at(number, 0.0), 2)
        last = self._daily.close(number) if progress >= 1.0 else round(self._at(number, progress), 2)
        seen = [opened, last, *self._extremes(number)[: int(progress * _COARSE)]]
        return opened, round(max(seen), 2), round(min(seen), 2), last

    def _progress(self, number: int, instant: datetime) -> float:
        session = self._sessions[number]
        return min(1.0, max(0.0, (instant - session.opens) / (session.closes - session.opens)))

    def _at(self, number: int, progress: float) -> float:
        change = self._daily.change(number)
        before = self._daily.close(number - 1)
        if progress >= 1.0:
            return self._daily.close(number)
        gap = _GAP * change + 0.1 * self._wander * self._draws.normal(self._profile.symbol, "gap", number)
        drift = gap + (change - gap) * progress
        return before * math.exp(drift + self._wander * self._bridge(number, progress))

    def _bridge(self, number: int, progress: float) -> float:
        total, weight = 0.0, 0.5
        for level in range(_LEVELS):
            scaled = progress * (1 << level)
            index = int(scaled)
            inside = scaled - index
            height = 1.0 - abs(2.0 * inside - 1.0)
            if height > 0.0:
                total += weight * height * self._node(number, level, index)
            weight *= math.sqrt(0.5)
        return total

    def _node(self, number: int, level: int, index: int) -> float:
        known = self._recent.get(level)
        if known is not None and known[:2] == (number, index):
            return known[2]
        common = self._profile.common
        shared = self._draws.normal("market", "node", number, level, index)
        own = self._draws.normal(self._profile.symbol, "node", number, level, index)
        value = common * shared + math.sqrt(1.0 - common * common) * own
        self._recent[level] = (number, index, value)
        return value

    def _lattice(self, number: int) -> list[float]:
        return [self._at(number, step / _COARSE) for step in range(1, _COARSE)]
