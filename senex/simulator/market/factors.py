"""The factor model: every return is a share of the market's, of its sector's and of its own.

Shares are correlations (their squares add to one), so the correlation asked
between two underlyings is the product of their market shares, plus that of
their sector shares when they have the same sector. A session's return has an
overnight part, an intraday part and now and then a jump; the three variances
add to the whole.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from senex.simulator.market.kinds import SESSIONS_PER_YEAR
from senex.simulator.market.sums import total

if TYPE_CHECKING:
    from collections.abc import Iterable

    from senex.simulator.market.draws import Draws
    from senex.simulator.market.kinds import Profile
    from senex.simulator.market.regimes import Regimes

OVERNIGHT, INTRADAY, JUMPS = 0.22, 0.68, 0.10
"""Shares of a session's variance."""
_JUMP_CHANCE = 0.02
_JUMP_SIZE = math.sqrt(JUMPS / _JUMP_CHANCE)
_JUMPS_OVERNIGHT = 0.6
_MARKET_VOLATILITY = 0.15
_SCRIPT_OVERNIGHT = 0.6
MARKET = "market"
_CACHED = 4096


class Loading(NamedTuple):
    """A factor's key and its share in an underlying's returns."""

    key: str
    share: float


class Shock(NamedTuple):
    """One factor's session in units of its volatility; ``at`` is where in the night or day a jump falls."""

    overnight: float
    body: float
    jump: float
    by_night: bool
    at: float


@dataclass(frozen=True, slots=True)
class Move:
    """What an underlying does in a session, logarithmic.

    ``night`` and ``body`` are the continuous parts with their standard
    deviations, ``night_steps`` and ``day_steps`` (where, size) the sudden ones.
    """

    night: float
    body: float
    night_deviation: float
    deviation: float
    night_steps: tuple[tuple[float, float], ...] = ()
    day_steps: tuple[tuple[float, float], ...] = ()

    @property
    def gap(self) -> float:
        """From the close before to the opening, dividends apart."""
        return self.night + total(size for _, size in self.night_steps)

    @property
    def change(self) -> float:
        """From the close before to the close, dividends apart."""
        return self.gap + self.body + total(size for _, size in self.day_steps)


def loadings(profile: Profile) -> tuple[Loading, ...]:
    """The shares of market, sector and the underlying itself."""
    rest = math.sqrt(max(0.0, 1.0 - profile.common**2 - profile.own**2))
    found = [Loading(MARKET, profile.common), Loading(profile.symbol, rest)]
    if profile.own:
        found.append(Loading(f"sector {profile.sector}", profile.own))
    return tuple(found)


class Factors:
    """Moves of every underlying under a scenario's regimes, and the statistics that were asked of them."""

    def __init__(self, draws: Draws, regimes: Regimes) -> None:
        self._draws = draws
        self.regimes = regimes
        self.shock = lru_cache(maxsize=_CACHED)(self._shock)

    def scaled(self, profile: Profile, session: int) -> tuple[Loading, ...]:
        """The loadings of a session, its regime's multipliers included."""
        regime = self.regimes.at(session)
        return tuple(
            Loading(key, share * (regime.market if key == MARKET else regime.own))
            for key, share in loadings(profile)
        )

    def move(self, profile: Profile, session: int, *, calmer: float = 1.0) -> Move:
        """An underlying's session; ``calmer`` scales its volatility."""
        daily = profile.daily * calmer
        night = body = variance = 0.0
        night_steps: list[tuple[float, float]] = []
        day_steps: list[tuple[float, float]] = []
        for key, share in self.scaled(profile, session):
            shock = self.shock(key, session)
            night += share * shock.overnight
            body += share * shock.body
            variance += share * share
            if shock.jump:
                (night_steps if shock.by_night else day_steps).append((shock.at, daily * share * shock.jump))
        beta = profile.common * profile.volatility / _MARKET_VOLATILITY
        drift = beta * self.regimes.at(session).drift / SESSIONS_PER_YEAR
        script = beta * self.regimes.shock(session)
        deviation = daily * math.sqrt(variance)
        return Move(
            night=daily * math.sqrt(OVERNIGHT) * night + 0.2 * drift + _SCRIPT_OVERNIGHT * script,
            body=daily * math.sqrt(INTRADAY) * body + 0.8 * drift + (1.0 - _SCRIPT_OVERNIGHT) * script,
            night_deviation=deviation * math.sqrt(OVERNIGHT),
            deviation=deviation * math.sqrt(INTRADAY),
            night_steps=tuple(night_steps),
            day_steps=tuple(day_steps),
        )

    def asked(self, one: Profile, other: Profile, sessions: Iterable[int]) -> float:
        """The covariance a year that was asked of two underlyings' daily changes over some sessions.

        Earnings apart; the regimes and a crash's script are part of what was asked.
        """
        alike = {key: share * dict(loadings(other)).get(key, 0.0) for key, share in loadings(one)}
        market, rest = alike.pop(MARKET), total(alike.values())
        whole, count = 0.0, 0
        for session in sessions:
            regime, shock = self.regimes.at(session), self.regimes.shock(session)
            whole += (market * regime.market**2 + rest * regime.own**2) / SESSIONS_PER_YEAR
            whole += one.common * other.common * (shock / _MARKET_VOLATILITY) ** 2
            count += 1
        return whole * one.volatility * other.volatility * SESSIONS_PER_YEAR / count

    def _shock(self, key: str, session: int) -> Shock:
        overnight, body, size = self._draws.normals(3, key, "shock", session)
        happens, night, at = self._draws.uniforms(3, key, "jump", session)
        jump = _JUMP_SIZE * size if happens < _JUMP_CHANCE else 0.0
        return Shock(overnight, body, jump, night < _JUMPS_OVERNIGHT, at)
