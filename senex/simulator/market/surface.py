"""Implied volatility: one surface per underlying, from which every option is priced.

Total variance is Gatheral and Jacquier's SSVI with φ(θ) = η/√θ,

    w(k, θ) = θ/2 · (1 + ρφk + √((φk + ρ)² + 1 − ρ²)),   k = ln(K/F),

which admits no arbitrage between strikes while η(1 + |ρ|)√θ < 4 and
η²(1 + |ρ|) ≤ 4, and none between expirations because θ grows with time. θ
grows by the market's clock (nights count a quarter of a session), from a
short-term level that returns to a long-term one, and by a step at each
earnings report. The level falls when the price rises.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from senex.simulator.market.kinds import SESSIONS_PER_YEAR, Kind, Scenario
from senex.simulator.market.regimes import HISTORY
from senex.simulator.market.sums import total

if TYPE_CHECKING:
    from senex.simulator.market.daily import DailyPath
    from senex.simulator.market.draws import Draws
    from senex.simulator.market.factors import Factors
    from senex.simulator.market.kinds import Profile

RATE = 0.04
_MONTH = 21.0 / SESSIONS_PER_YEAR
_RETURN = 3.0
"""How fast the short-term level returns to the long-term one, a year."""
_MONTH_WEIGHT = (1.0 - math.exp(-_RETURN * _MONTH)) / (_RETURN * _MONTH)
_PREMIUM = 1.08
"""Implied over realised volatility."""
_DAILY_RETURN, _NOISE = 0.10, 0.035
_LONG_SHARE = 0.6
_STORY_LONG = 1.02
_LEAST = 0.35
_YEAR = 252
_LOW_MORE_OFTEN = 1.3
_EARNINGS_PREMIUM = 1.05


@dataclass(frozen=True, slots=True)
class Shape:
    """``skew`` and ``wings`` are SSVI's ρ and η; ``leverage`` is the level's rise per fall of the price."""

    skew: float
    wings: float
    leverage: float


_STORY = Shape(-0.27, 0.41, 1.5)
_FUND, _STOCK, _OTHER = Shape(-0.62, 0.90, 3.5), Shape(-0.35, 0.75, 1.5), Shape(-0.08, 0.80, 0.5)
_WITH_MARKET = 0.5


def shape_of(profile: Profile, scenario: Scenario) -> Shape:
    """The smile of an underlying."""
    if scenario.is_story:
        return _STORY
    if profile.kind is Kind.STOCK:
        return _STOCK
    return _FUND if profile.common > _WITH_MARKET else _OTHER


class Surface:
    """Levels and variances by session (annualised fractions)."""

    def __init__(
        self, draws: Draws, profile: Profile, daily: DailyPath, scenario: Scenario, factors: Factors
    ) -> None:
        self._draws = draws
        self._profile = profile
        self._daily = daily
        self._scenario = scenario
        self._factors = factors
        self.shape = shape_of(profile, scenario)
        calm = scenario is Scenario.CALM
        ratio, rank = ((0.62, 0.72), (0.45, 0.58)) if calm else ((1.30, 1.45), (0.03, 0.10))
        self._ratio = draws.between(*ratio, profile.symbol, "hv/iv")
        self._rank = draws.between(*rank, profile.symbol, "iv rank")
        self._levels: list[float] = []
        self.month = lru_cache(maxsize=2 * _YEAR)(self._month)

    def _month(self, session: int) -> float:
        """At-the-money volatility of a 30-day option at a session's opening, before its price moves."""
        if self._scenario.is_story:
            return self._daily.volatility(session - 1) / self._ratio
        return math.exp(self._level(session))

    def live(self, session: int, change: float, *, opened: bool) -> float:
        """The month's volatility after a logarithmic change since the close before the session.

        Until the session has opened the level is still that of the session before.
        """
        leverage = self.shape.leverage
        if opened:
            return max(self._least(), self.month(session) * math.exp(-leverage * change))
        change += self._daily.move(session - 1).change
        return max(self._least(), self.month(session - 1) * math.exp(-leverage * change))

    def usual(self, session: int) -> float:
        """The level at which quotes are as narrow as they get."""
        if self._scenario.is_story:
            return self.month(session)
        return _PREMIUM * self._profile.volatility

    def theta(self, level: float, years: float, reports: int = 0) -> float:
        """At-the-money total variance to a time on the market's clock, with the earnings before it."""
        month, long = level * level, self._long(level) ** 2
        short = long + (month - long) / _MONTH_WEIGHT
        grown = long * years + (short - long) * (1.0 - math.exp(-_RETURN * years)) / _RETURN
        return grown + reports * (_EARNINGS_PREMIUM * self._profile.earnings_move) ** 2

    def at_the_money(self, session: int, years: float) -> float:
        """At-the-money volatility at a time to expiry, earnings apart."""
        years = max(years, 1.0 / 365.0)
        return math.sqrt(self.theta(self.month(session), years) / years)

    def rank(self, session: int) -> float:
        """IV rank as a fraction: where the level stands between the year's low and high."""
        low, high = self._year_range(session)
        share = (self.month(session) - low) / (high - low)
        return min(1.0, max(0.0, share))

    def percentile(self, session: int) -> float:
        """IV percentile as a fraction: the share of the year's levels below today's."""
        level = self.month(session)
        if not self._scenario.is_story:
            return sum(self.month(session - back) < level for back in range(1, _YEAR + 1)) / _YEAR
        low, high = self._year_range(session)
        shares = self._draws.uniforms(_YEAR, self._profile.symbol, "iv history")
        below = sum(low + (high - low) * math.pow(share, _LOW_MORE_OFTEN) < level for share in shares)
        return below / _YEAR

    def _year_range(self, session: int) -> tuple[float, float]:
        if not self._scenario.is_story:
            levels = [self.month(session - back) for back in range(_YEAR)]
            return min(levels), max(levels)
        level = self.month(0)
        return level * (1.0 - 0.8 * self._rank), level * (1.0 + 0.8 * (1.0 - self._rank))

    def _long(self, level: float) -> float:
        if self._scenario.is_story:
            return _STORY_LONG * level
        base = _PREMIUM * self._profile.volatility
        return math.pow(base, _LONG_SHARE) * math.pow(level, 1.0 - _LONG_SHARE)

    def _least(self) -> float:
        return _LEAST * self._profile.volatility

    def _level(self, session: int) -> float:
        position = session + HISTORY
        while len(self._levels) <= position:
            number = len(self._levels) - HISTORY
            target = math.log(self._target(number))
            if self._levels:
                before = self._levels[-1] - self.shape.leverage * self._daily.move(number - 1).change
                noise = _NOISE * self._draws.normal(self._profile.symbol, "iv level", number)
                self._levels.append(before + _DAILY_RETURN * (target - before) + noise)
            else:
                self._levels.append(target)
        return self._levels[max(position, 0)]

    def _target(self, session: int) -> float:
        """What the level returns to: the volatility asked of the session's regime, with a premium."""
        shares = self._factors.scaled(self._profile, session)
        return _PREMIUM * self._profile.volatility * math.sqrt(total(share * share for _, share in shares))
