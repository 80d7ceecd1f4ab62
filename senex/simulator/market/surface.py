"""Implied volatility: one surface per underlying, from which every option is priced.

Volatility is sticky in standardised moneyness z = ln(K/F)/(σ√T): a mild skew
and smile, and a term structure that rises a little. Put and call of a strike
share it, so parity holds up to the rounding of quotes.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from senex.simulator.market.profiles import Scenario

if TYPE_CHECKING:
    from senex.simulator.market.daily import DailyPath
    from senex.simulator.market.draws import Draws
    from senex.simulator.market.profiles import Profile

RATE = 0.04
DAY = 1.0 / 365.0
_MONTH = 30.0 * DAY
_TERM = 0.10
_SKEW = -0.055
_SMILE = 0.018
_Z_LIMIT = 3.0
_YEAR = 252
_LOW_MORE_OFTEN = 1.3


class Surface:
    """Implied volatilities by session number, strike and time to expiry (annualised fractions)."""

    def __init__(self, draws: Draws, profile: Profile, daily: DailyPath, scenario: Scenario) -> None:
        self._draws = draws
        self._profile = profile
        calm = scenario is Scenario.CALM
        ratio, rank = ((0.62, 0.72), (0.45, 0.58)) if calm else ((1.30, 1.45), (0.03, 0.10))
        self._ratio = draws.between(*ratio, profile.symbol, "hv/iv")
        self._rank = draws.between(*rank, profile.symbol, "iv rank")
        self._realized = lru_cache(maxsize=64)(daily.volatility)

    def month(self, session: int) -> float:
        """At-the-money volatility of a 30-day option."""
        realized: float = self._realized(session - 1)
        return realized / self._ratio

    def at_the_money(self, session: int, years: float) -> float:
        """At-the-money volatility at a time to expiry."""
        longer = math.sqrt(max(years, DAY)) - math.sqrt(_MONTH)
        return self.month(session) * (1.0 + _TERM * longer)

    def volatility(self, session: int, *, forward: float, strike: float, years: float) -> float:
        """The volatility of one strike."""
        middle = self.at_the_money(session, years)
        z = math.log(strike / forward) / (middle * math.sqrt(max(years, DAY)))
        z = max(-_Z_LIMIT, min(_Z_LIMIT, z))
        return middle * (1.0 + _SKEW * z + _SMILE * z * z)

    def rank(self, session: int) -> float:
        """IV rank as a fraction: where the level stands between the year's low and high."""
        low, high = self._year_range()
        share = (self.month(session) - low) / (high - low)
        return min(1.0, max(0.0, share))

    def percentile(self, session: int) -> float:
        """IV percentile as a fraction: the share of the year's levels below today's."""
        low, high = self._year_range()
        symbol, level = self._profile.symbol, self.month(session)
        shares = (self._draws.uniform(symbol, "iv history", day) for day in range(_YEAR))
        below = sum(low + (high - low) * math.pow(share, _LOW_MORE_OFTEN) < level for share in shares)
        return below / _YEAR

    def _year_range(self) -> tuple[float, float]:
        level = self.month(0)
        return level * (1.0 - 0.8 * self._rank), level * (1.0 + 0.8 * (1.0 - self._rank))
