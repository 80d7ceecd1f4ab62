"""Regimes: how hard the market and its members move in each session of a scenario."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from senex.simulator.market.kinds import Scenario
from senex.simulator.market.sums import total

if TYPE_CHECKING:
    from senex.simulator.market.draws import Draws

HISTORY = 260
"""Sessions before the timeline's start."""


@dataclass(frozen=True, slots=True)
class Regime:
    """``market`` and ``own`` multiply volatilities; ``drift`` is the market's logarithmic growth a year."""

    name: str
    drift: float
    market: float
    own: float
    weight: float = 0.0
    dwell: int = 1


BULL = Regime("bull", 0.18, 0.80, 0.88, weight=0.35, dwell=60)
BEAR = Regime("bear", -0.25, 1.25, 1.05, weight=0.15, dwell=30)
RANGE = Regime("range", 0.0, 0.70, 0.82, weight=0.30, dwell=40)
HIGH_VOL = Regime("high_vol", 0.0, 1.70, 1.30, weight=0.15, dwell=15)
CRISIS = Regime("crisis", -0.90, 3.00, 1.80, weight=0.05, dwell=8)
_MIXED = (BULL, BEAR, RANGE, HIGH_VOL, CRISIS)
_FIXED = {
    Scenario.BULL: BULL,
    Scenario.BEAR: BEAR,
    Scenario.RANGE: RANGE,
    Scenario.HIGH_VOL: HIGH_VOL,
}
_STILL = Regime("story", 0.0, 1.0, 1.0)
_CRASH_FIRST, _CRASH_LAST = 3, 8
_CRISIS_SESSIONS, _TREMOR_SESSIONS = 12, 30
CRASH = (-0.07, -0.035, 0.02)
"""What the market does on the crash's first days, on top of its regime (logarithmic)."""


def _long_run(name: str) -> float:
    """The root mean square of the multipliers over the mixture, to which the asked volatility belongs."""
    shares = [one.weight * one.dwell for one in _MIXED]
    squares = total(share * getattr(one, name) ** 2 for share, one in zip(shares, _MIXED, strict=True))
    return float(math.sqrt(squares / total(shares)))


class Regimes:
    """The regime of each session."""

    def __init__(self, draws: Draws, scenario: Scenario) -> None:
        self._draws = draws
        self._scenario = scenario
        self._crash = draws.whole(_CRASH_FIRST, _CRASH_LAST, "crash")
        self._chain: list[Regime] = []
        scales = _long_run("market"), _long_run("own")
        self._scaled = {
            one.name: Regime(one.name, one.drift, one.market / scales[0], one.own / scales[1])
            for one in _MIXED
        }

    def at(self, session: int) -> Regime:
        """The regime of a session; those of ``normal`` average to the volatilities asked for."""
        scenario = self._scenario
        if scenario.is_story:
            return _STILL
        if scenario is Scenario.CRASH:
            return self._after_crash(session - self._crash)
        if scenario is Scenario.NORMAL:
            return self._mixed(session)
        return _FIXED[scenario]

    def shock(self, session: int) -> float:
        """The scripted part of the market's change."""
        if self._scenario is not Scenario.CRASH or not 0 <= session - self._crash < len(CRASH):
            return 0.0
        return CRASH[session - self._crash]

    def _after_crash(self, sessions: int) -> Regime:
        if sessions < 0:
            return BULL
        if sessions < _CRISIS_SESSIONS:
            return CRISIS
        return HIGH_VOL if sessions < _CRISIS_SESSIONS + _TREMOR_SESSIONS else BEAR

    def _mixed(self, session: int) -> Regime:
        position = max(session + HISTORY, 0)
        while len(self._chain) <= position:
            self._chain.append(self._next(len(self._chain)))
        return self._chain[position]

    def _next(self, position: int) -> Regime:
        stays, chosen = self._draws.uniforms(2, "regime", position)
        if self._chain:
            current = self._chain[-1]
            dwell = next(one.dwell for one in _MIXED if one.name == current.name)
            if stays >= 1.0 / dwell:
                return current
        for one in _MIXED:
            chosen -= one.weight
            if chosen <= 0.0:
                return self._scaled[one.name]
        return self._scaled[CRISIS.name]
