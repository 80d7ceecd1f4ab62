"""Daily closes of an underlying, before and after the timeline's start.

Two scenarios are stories. Calm keeps a close near its centre by choosing a
move's direction against the distance, and lets every second session move by
at least 0.8 of a typical day: prices neither trend nor stand still, for every
seed. In the blocked one a shock is followed by closes that hardly move. The
others are diffusions with the statistics that were asked (``factors``); there
a close falls by the dividend on its ex-date.
"""

from __future__ import annotations

import itertools
import math
from functools import lru_cache
from typing import TYPE_CHECKING

from senex.simulator.market import corporate
from senex.simulator.market.factors import Move
from senex.simulator.market.kinds import SESSIONS_PER_YEAR, Scenario
from senex.simulator.market.regimes import HISTORY
from senex.simulator.market.sums import total

if TYPE_CHECKING:
    from collections.abc import Callable

    from senex.simulator.market.draws import Draws
    from senex.simulator.market.factors import Factors
    from senex.simulator.market.kinds import Profile
    from senex.simulator.market.sessions import Sessions

__all__ = ["HISTORY", "DailyPath", "realised"]

_BAND = 2.6
_SHOCK_SESSION = -5
_SHOCK = -0.065
_FLAT = 0.0004
_HV_SESSIONS = 30
_STORY_GAP, _STORY_WANDER, _STORY_NIGHT = 0.3, 0.45, 0.1
_REVERSION = 0.05
"""The share of its distance from the centre that a ranging close loses in a session."""
_REPORT_AT = {"AMC": 0.3 * 5 / 240, "BMO": 0.3 + 0.7 * 180 / 330}
"""Where in the night (see ``path``) earnings come: 16:05 or 7:00."""
_CACHED = 512


def realised(close: Callable[[int], float], session: int) -> float:
    """Realised volatility of the 30 daily changes up to a session's close, annualised fraction."""
    closes = [close(session - back) for back in range(_HV_SESSIONS, -1, -1)]
    changes = [after / before - 1.0 for before, after in itertools.pairwise(closes)]
    mean = total(changes) / len(changes)
    variance = total((change - mean) ** 2 for change in changes) / (len(changes) - 1)
    return math.sqrt(variance * SESSIONS_PER_YEAR)


class DailyPath:
    """Closes by session number (0 is the session the timeline starts in)."""

    def __init__(
        self, draws: Draws, profile: Profile, sessions: Sessions, scenario: Scenario, factors: Factors
    ) -> None:
        self._draws = draws
        self._profile = profile
        self._scenario = scenario
        self._factors = factors
        self._centre = profile.price * draws.between(0.93, 1.07, profile.symbol, "centre")
        self._logs = [draws.normal(profile.symbol, "first close") * profile.daily]
        self._dividends = {
            sessions.number_of(one.ex_date): float(one.amount) for one in corporate.dividends(profile.symbol)
        }
        self._splits = [
            (sessions.number_of(one.day), one.denominator / one.numerator)
            for one in profile.splits
            if one.day > sessions[0].day
        ]
        self._reports = {}
        for report in corporate.earnings(profile.symbol):
            number = sessions.number_of(report.day)
            self._reports[number + (report.time == "AMC")] = _REPORT_AT[report.time]
        self.move = lru_cache(maxsize=_CACHED)(self._move)
        self.volatility = lru_cache(maxsize=_CACHED)(self._volatility)

    def exact(self, session: int) -> float:
        """The close in dollars, not rounded."""
        return self._centre * math.exp(self._log(session)) * self.split_ratio(session)

    def close(self, session: int) -> float:
        """The close in dollars, rounded to the cent."""
        return round(self.exact(session), 2)

    def before(self, session: int) -> float:
        """The close before a session in its own shares: after its split, before its dividend."""
        return self.exact(session - 1) * self.split_ratio(session) / self.split_ratio(session - 1)

    def drop(self, session: int) -> float:
        """The logarithmic fall on an ex-date, at the start of its first trading."""
        amount = self._dividends.get(session)
        return 0.0 if amount is None else math.log1p(-amount / self.before(session))

    def split_ratio(self, session: int) -> float:
        """What the splits up to a session have made of one dollar."""
        ratio = 1.0
        for number, factor in self._splits:
            if number <= session:
                ratio *= factor
        return ratio

    def _volatility(self, session: int) -> float:
        """Realised volatility of the 30 daily changes up to this close, annualised fraction."""
        whole = self.split_ratio(session)
        return realised(lambda number: self.close(number) * whole / self.split_ratio(number), session)

    def _log(self, session: int) -> float:
        position = session + HISTORY
        while len(self._logs) <= position:
            number = len(self._logs) - HISTORY
            self._logs.append(self._logs[-1] + self._change(number, self._logs[-1]))
        return self._logs[max(position, 0)]

    def _change(self, session: int, distance: float) -> float:
        if self._scenario.is_story:
            return self._story(session, distance)
        return self._diffusion(session, distance).change + self.drop(session)

    def _move(self, session: int) -> Move:
        """The session's parts; with the dividend's fall they add up to the change of its close."""
        if not self._scenario.is_story:
            return self._diffusion(session, self._log(session - 1))
        change = self._log(session) - self._log(session - 1)
        calm = self._scenario is Scenario.CALM
        wander = self._profile.daily * _STORY_WANDER if calm else _FLAT
        gap = _STORY_GAP * change + _STORY_NIGHT * wander * self._draws.normal(
            self._profile.symbol, "gap", session
        )
        return Move(gap, change - gap - self.drop(session), _STORY_NIGHT * wander, wander)

    def _diffusion(self, session: int, distance: float) -> Move:
        ranging = self._scenario is Scenario.RANGE
        calmer = 1.0 / math.sqrt(1.0 + _REVERSION / 2.0) if ranging else 1.0
        move = self._factors.move(self._profile, session, calmer=calmer)
        steps = move.night_steps
        if session in self._reports:
            size = self._profile.earnings_move * self._draws.normal(self._profile.symbol, "earnings", session)
            steps = (*steps, (self._reports[session], size))
        back = _REVERSION * distance if ranging else 0.0
        return Move(move.night, move.body - back, move.night_deviation, move.deviation, steps, move.day_steps)

    def _story(self, session: int, distance: float) -> float:
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
