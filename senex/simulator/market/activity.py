"""How much is traded and held: volumes that grow through a day, open interest by day."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from senex.simulator.market.sessions import EVENING, hurried

if TYPE_CHECKING:
    from datetime import date

    from senex.simulator.market.contracts import Contract
    from senex.simulator.market.draws import Draws
    from senex.simulator.market.sessions import Place, Sessions
    from senex.simulator.market.underlying import UnderlyingMarket

_EARLY, _DAY = 0.02, 0.95
"""Shares of a day's volume before the opening and in regular hours; the rest is late."""
_SPREAD = 0.25
_OPTIONS_PER_SHARE = 0.004
_INDEX_TURNOVER = 8_000_000
_DECAY_DAYS, _MONTHLY = 6.0, 3.0
_ROUND = ((10, 2.0), (5, 1.4))
_INTEREST = 1.5
_CACHED = 32768


class Activity:
    """Volumes and open interest of every symbol."""

    def __init__(self, draws: Draws, sessions: Sessions) -> None:
        self._draws = draws
        self._sessions = sessions
        self._shares = lru_cache(maxsize=4096)(self._day_of_shares)
        self._contracts = lru_cache(maxsize=_CACHED)(self._day_of_contracts)

    def shares(self, underlying: UnderlyingMarket, place: Place) -> int:
        """Shares traded so far on a place's day, early and late hours included."""
        if place.evening:
            share = _EARLY + _DAY + (1.0 - _EARLY - _DAY) * place.share / EVENING
        elif place.regular:
            share = _EARLY + _DAY * hurried(place.share)
        else:
            share = _EARLY * (place.share - EVENING) / (1.0 - EVENING)
        session = place.session - place.evening
        return int(self._shares(underlying, session) * min(1.0, share))

    def contracts(self, known: Contract, underlying: UnderlyingMarket, place: Place) -> int:
        """Contracts traded so far on a place's day: none before the opening."""
        session = place.session - place.evening
        share = 1.0 if place.evening else hurried(place.share) if place.regular else 0.0
        return int(self._contracts(known, underlying, session) * share)

    def interest(self, known: Contract, underlying: UnderlyingMarket, session: int) -> int:
        """Contracts open at the start of a session."""
        age = max(0.05, 1.0 - (known.option.expiry - self._sessions[session].day).days / 500.0)
        held = math.exp(0.8 * self._draws.normal(known.occ, "held"))
        today = 1.0 + 0.04 * self._draws.normal(known.occ, "held", session)
        interest = _INTEREST * self._busy(known, underlying, session) * age * held * today
        return max(0, int(interest))

    def _day_of_shares(self, underlying: UnderlyingMarket, session: int) -> float:
        usual = underlying.profile.turnover
        change = abs(math.log(underlying.fund.exact(session) / underlying.fund.before(session)))
        moved = 0.7 + 0.4 * min(4.0, change / underlying.profile.daily)
        return (
            usual
            * moved
            * math.exp(_SPREAD * self._draws.normal(underlying.profile.symbol, "volume", session))
        )

    def _day_of_contracts(self, known: Contract, underlying: UnderlyingMarket, session: int) -> float:
        days = (known.option.expiry - self._sessions[session].day).days
        if days < 0:
            return 0.0
        noise = math.exp(0.7 * self._draws.normal(known.occ, "volume", session))
        return self._busy(known, underlying, session) * noise / (1.0 + days / _DECAY_DAYS)

    def _busy(self, known: Contract, underlying: UnderlyingMarket, session: int) -> float:
        """How much is usually done in a strike: less far from the money, more at round strikes."""
        profile, strike = underlying.profile, known.strike
        days = max(1, (known.option.expiry - self._sessions[session].day).days)
        spread = profile.volatility * math.sqrt(days / 365.0)
        distance = math.log(strike / underlying.daily.close(session - 1)) / spread
        near = math.exp(-0.5 * distance * distance) + 0.02 * math.exp(-0.3 * abs(distance))
        step = float(profile.strike_step)
        rounded = next((more for unit, more in _ROUND if strike % (unit * step) == 0.0), 1.0)
        monthly = _MONTHLY if self._monthly(known.option.expiry) else 1.0
        turnover = profile.turnover or _INDEX_TURNOVER
        return turnover * _OPTIONS_PER_SHARE * 0.25 * near * rounded * monthly

    def _monthly(self, day: date) -> bool:
        return 15 <= day.day <= 21 and day.weekday() >= 3
