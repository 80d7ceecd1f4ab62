"""Daily closes of an underlying, before and after the timeline's start.

The calm regime keeps a close near its centre by choosing a move's direction
against the distance, and lets every second session move by at least 0.8 of a
typical day: prices neither trend nor stand still, for every seed. In the
blocked regime a shock is followed by closes that hardly move.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from senex.simulator.market.profiles import Scenario

if TYPE_CHECKING:
    from senex.simulator.market.draws import Draws
    from senex.simulator.market.profiles import Profile

HISTORY = 260
"""Sessions before the timeline's start."""
_BAND = 2.6
_SHOCK_SESSION = -5
_SHOCK = -0.065
_FLAT = 0.0004
_HV_SESSIONS = 30
_SESSIONS_PER_YEAR = 252


class DailyPath:
    """Closes by session number (0 is the session the timeline starts in)."""

    def __init__(self, draws: Draws, profile: Profile, scenario: Scenario) -> None:
        self._draws = draws
        self._profile = profile
        self._scenario = scenario
        self._centre = profile.price * draws.between(0.93, 1.07, profile.symbol, "centre")
        self._logs = [draws.normal(profile.symbol, "first close") * profile.daily]

    def change(self, session: int) -> float:
        """The logarithmic change from the previous close to this one."""
        return self._log(session) - self._log(session - 1)

    def close(self, session: int) -> float:
        """The close in dollars, rounded to the cent."""
        return round(self._centre * math.exp(self._log(session)), 2)

    def volatility(self, session: int) -> float:
        """Realised volatility of the 30 daily changes up to this close, annualised fraction."""
        closes = [self.close(session - back) for back in range(_HV_SESSIONS, -1, -1)]
        changes = [after / before - 1.0 for before, after in itertools.pairwise(closes)]
        mean = sum(changes) / len(changes)
        variance = sum((change - mean) ** 2 for change in changes) / (len(changes) - 1)
        return math.sqrt(variance * _SESSIONS_PER_YEAR)

    def _log(self, session: int) -> float:
        position = session + HISTORY
        while len(self._logs) <= position:
            number = len(self._logs) - HISTORY
            self._logs.append(self._logs[-1] + self._move(number, self._logs[-1]))
        return self._logs[max(position, 0)]

    def _move(self, session: int, distance: float) -> float:
        draws, symbol, daily = self._draws, self._profile.symbol, self._profile.daily
        if self._scenario is Scenario.BLOCKED and session >= _SHOCK_SESSION:
            if session == _SHOCK_SESSION:
                return _SHOCK
            return draws.between(-_FLAT, _FLAT, symbol, "flat", session)
        size = draws.uniform(symbol, "size", session)
        move = daily * (0.85 + 0.4 * size) if session % 2 else daily * 0.9 * size
        shared = draws.uniform(symbol, "shared", session) < self._profile.common
        chance = draws.uniform("market" if shared else symbol, "direction", session)
        rises = chance < 0.5 - distance / (2.0 * _BAND * daily)
        return move if rises else -move
