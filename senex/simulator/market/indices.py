"""Indices, made from the fund that holds them: they move only while stocks trade, and pay nothing.

A fund's price holds the dividends it has collected but not paid out yet, its
index's does not: ``index = factor * (fund - accrued)``.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from senex.simulator.market.corporate import dividends
from senex.simulator.market.kinds import SESSIONS_PER_YEAR

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime

    from senex.simulator.market.daily import DailyPath
    from senex.simulator.market.path import PricePath
    from senex.simulator.market.sessions import Sessions

HV_SESSIONS = 30


def realised(close: Callable[[int], float], session: int) -> float:
    """Realised volatility of the 30 daily changes up to a session's close, annualised fraction."""
    closes = [close(session - back) for back in range(HV_SESSIONS, -1, -1)]
    changes = [after / before - 1.0 for before, after in itertools.pairwise(closes)]
    mean = sum(changes) / len(changes)
    variance = sum((change - mean) ** 2 for change in changes) / (len(changes) - 1)
    return math.sqrt(variance * SESSIONS_PER_YEAR)


class Accrual:
    """The dividend a fund has collected since its last ex-date, in dollars a share."""

    def __init__(self, symbol: str) -> None:
        self._dividends = dividends(symbol)
        self._known: dict[date, float] = {}

    def on(self, day: date) -> float:
        """Grows evenly from nothing on an ex-date to the whole dividend on the next."""
        known = self._known.get(day)
        if known is None:
            known = self._known[day] = self._grown(day)
        return known

    def _grown(self, day: date) -> float:
        for before, after in itertools.pairwise(self._dividends):
            if before.ex_date <= day < after.ex_date:
                share = (day - before.ex_date) / (after.ex_date - before.ex_date)
                return float(after.amount) * share
        return 0.0


class IndexDaily:
    """An index's closes by session number."""

    def __init__(self, level: Callable[[float, int], float], fund: DailyPath) -> None:
        self._level = level
        self._fund = fund

    def close(self, session: int) -> float:
        """The close in points, to the hundredth."""
        return round(self._level(self._fund.close(session), session), 2)

    def volatility(self, session: int) -> float:
        """Realised volatility of the 30 daily changes up to this close, annualised fraction."""
        return realised(self.close, session)


class IndexPath:
    """An index's value at every instant."""

    def __init__(
        self,
        level: Callable[[float, int], float],
        fund: PricePath,
        sessions: Sessions,
        *,
        falling: bool = False,
    ) -> None:
        self._level = level
        self._fund = fund
        self._sessions = sessions
        self._falling = falling

    def price(self, instant: datetime) -> float:
        """The value in points (not rounded); outside regular hours the last close."""
        number = self._sessions.last_started(instant)
        instant = min(instant, self._sessions[number].closes)
        return self._level(self._fund.price(instant), number)

    def bar(self, number: int, instant: datetime) -> tuple[float, float, float, float]:
        """Open, high, low, close of a session as far as it has gone, in points to the hundredth."""
        opened, high, low, last = (
            round(self._level(price, number), 2) for price in self._fund.bar(number, instant)
        )
        return (opened, low, high, last) if self._falling else (opened, high, low, last)
