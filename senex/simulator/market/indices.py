"""Indices, made from the fund that holds them: they move only while stocks trade, and pay nothing.

A fund's price holds the dividends it has collected but not paid out yet, its
index's does not: ``index = factor * (fund - accrued)``. The volatility index
is the fund's 30-day at-the-money volatility in percent.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Protocol

from senex.simulator.market.corporate import dividends
from senex.simulator.market.daily import realised
from senex.simulator.market.path import Prices
from senex.simulator.market.sessions import Place

if TYPE_CHECKING:
    from datetime import date

    from senex.simulator.market.daily import DailyPath
    from senex.simulator.market.path import PricePath
    from senex.simulator.market.sessions import Sessions
    from senex.simulator.market.surface import Surface


class Level(Protocol):
    """An index's value at a fund's price in a session."""

    def __call__(self, price: float, session: int, /) -> float:
        """The value in points, not rounded."""


def accrued(symbol: str, day: date) -> float:
    """The dividend a fund has collected by a day: nothing on an ex-date, the whole on the next."""
    for before, after in itertools.pairwise(dividends(symbol)):
        if before.ex_date <= day < after.ex_date:
            return float(after.amount) * ((day - before.ex_date) / (after.ex_date - before.ex_date))
    return 0.0


def follower(fund: str, factor: float, sessions: Sessions) -> Level:
    """The level of an index of prices."""
    known: dict[int, float] = {}

    def level(price: float, session: int) -> float:
        if session not in known:
            known[session] = accrued(fund, sessions[session].day)
        return factor * (price - known[session])

    return level


def fear(daily: DailyPath, surface: Surface) -> Level:
    """The level of the volatility index."""

    def level(price: float, session: int) -> float:
        change = math.log(price / daily.before(session)) - daily.drop(session)
        return 100.0 * surface.live(session, change, opened=True)

    return level


class IndexDaily:
    """An index's closes by session number."""

    def __init__(self, level: Level, fund: DailyPath) -> None:
        self._level = level
        self._fund = fund

    def close(self, session: int) -> float:
        """The close in points, to the hundredth."""
        return round(self._level(self._fund.exact(session), session), 2)

    def volatility(self, session: int) -> float:
        """Realised volatility of the 30 daily changes up to this close, annualised fraction."""
        return realised(self.close, session)

    def split_ratio(self, session: int) -> float:
        """Indices are not split."""
        del session
        return 1.0


class IndexPath(Prices):
    """An index's value at every place of the timeline; ``falling`` when it falls as the fund rises."""

    def __init__(self, level: Level, fund: PricePath, sessions: Sessions, *, falling: bool = False) -> None:
        super().__init__(sessions)
        self._level = level
        self._fund = fund
        self._falling = falling

    def at(self, place: Place) -> float:
        """The value in points (not rounded); outside regular hours the last close."""
        if not place.regular:
            place = Place(place.session - 1, regular=True, share=1.0)
        return self._level(self._fund.at(place), place.session)

    def with_fund(self, place: Place) -> float:
        """The value that follows from the fund's price outside regular hours too."""
        return self._level(self._fund.at(place), place.session)

    def opening(self, session: int) -> float:
        """The first value of regular hours."""
        return self._level(self._fund.opening(session), session)

    def range(self, session: int, since: float, until: float) -> tuple[float, float]:
        """The lowest and highest value of a stretch of regular hours."""
        found = self._fund.range(session, since, until)
        if found[0] > found[1]:
            return found
        low, high = (self._level(price, session) for price in found)
        return (high, low) if self._falling else (low, high)

    def night_range(self, since: Place, until: float) -> tuple[float, float]:
        """Indices stand still at night."""
        del until
        value = self.at(since)
        return value, value
