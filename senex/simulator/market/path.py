"""The price inside a session and in the hours around it, at any instant on its own.

In regular hours a Brownian bridge from open to close runs on a clock that is
fast after the opening and before the close. It is folded back into the range
of its coarse points, so a session's high and low are known without its ticks.
The night before belongs to the session: the price trades from 16:00 to 20:00
and from 4:00 to 9:30, moves from the close to the opening, falls by a
dividend at 4:00, and jumps on earnings.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from array import array
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from senex.simulator.market.bridges import COARSE, FINE
from senex.simulator.market.sessions import Place, hurried
from senex.simulator.market.sums import total

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from senex.simulator.market.bridges import Bridge
    from senex.simulator.market.daily import DailyPath
    from senex.simulator.market.factors import Factors
    from senex.simulator.market.kinds import Profile
    from senex.simulator.market.sessions import Sessions

_POINTS = COARSE * FINE
_CELLS_CACHED = 24
_SESSIONS_CACHED = 320


class Prices(ABC):
    """Something that trades: its price at every place of the timeline (see ``sessions.Place``)."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    @abstractmethod
    def at(self, place: Place) -> float:
        """The price, not rounded."""

    @abstractmethod
    def opening(self, session: int) -> float:
        """The first price of regular hours."""

    @abstractmethod
    def range(self, session: int, since: float, until: float) -> tuple[float, float]:
        """The lowest and highest price inside a stretch of regular hours, given as shares of it."""

    @abstractmethod
    def night_range(self, since: Place, until: float) -> tuple[float, float]:
        """The same for a stretch of the night that lies on one side of its pause."""

    def price(self, instant: datetime) -> float:
        """The price at an instant, not rounded."""
        return self.at(self._sessions.place_of(instant))

    def bar(self, number: int, instant: datetime) -> tuple[float, float, float, float]:
        """Open, high, low, close of a session's regular hours as far as they have gone, to the cent."""
        session = self._sessions[number]
        share = min(1.0, max(0.0, (instant - session.opens) / (session.closes - session.opens)))
        opened, last = self.opening(number), self.at(Place(number, regular=True, share=share))
        low, high = self.range(number, 0.0, share)
        found = opened, max(high, opened, last), min(low, opened, last), last
        opened, high, low, last = (round(price, 2) for price in found)
        return opened, high, low, last


class PricePath(Prices):
    """The price of a fund or stock."""

    def __init__(
        self,
        daily: DailyPath,
        bridges: Mapping[str, Bridge],
        profile: Profile,
        factors: Factors,
        sessions: Sessions,
    ) -> None:
        super().__init__(sessions)
        self._daily = daily
        self._bridges = bridges
        self._loadings = lru_cache(maxsize=_SESSIONS_CACHED)(partial(factors.scaled, profile))
        self._coarse = lru_cache(maxsize=_SESSIONS_CACHED)(self._make_coarse)
        self._cell = lru_cache(maxsize=_CELLS_CACHED)(self._make_cell)
        self._night = lru_cache(maxsize=_CELLS_CACHED)(self._make_night)
        self._extremes = lru_cache(maxsize=_SESSIONS_CACHED)(self._make_extremes)
        self._before = lru_cache(maxsize=_SESSIONS_CACHED)(daily.before)

    def at(self, place: Place) -> float:
        """The price in dollars, not rounded."""
        session = place.session
        if not place.regular:
            return self._by_night(place)
        where = hurried(place.share) * _POINTS
        step = int(where)
        if step >= _POINTS:
            return self._daily.exact(session)
        points = self._cell(session, step >> 8)
        inside = step & (FINE - 1)
        low = points[inside]
        return self._before(session) * math.exp(low + (points[inside + 1] - low) * (where - step))

    def opening(self, session: int) -> float:
        """The first price of regular hours."""
        return self._before(session) * math.exp(self._coarse(session)[0])

    def range(self, session: int, since: float, until: float) -> tuple[float, float]:
        """The lowest and highest price at the lattice points of a stretch of regular hours (shares of it)."""
        before = self._before(session)
        low, high = self._lattice_range(
            session, math.ceil(hurried(since) * _POINTS), hurried(until) * _POINTS
        )
        return (before * math.exp(low), before * math.exp(high)) if low <= high else (math.inf, 0.0)

    def night_range(self, since: Place, until: float) -> tuple[float, float]:
        """The same for a stretch of the night that lies on one side of its pause."""
        points = self._night(since.session)
        first, last = math.ceil(since.share * FINE), math.floor(until * FINE)
        prices = [self._priced(since, point) for point in points[first : last + 1]]
        return min(prices, default=math.inf), max(prices, default=0.0)

    def _lattice_range(self, session: int, start: int, end: float) -> tuple[float, float]:
        coarse, stop = self._coarse(session), math.floor(end)
        if start == 0 and stop == _POINTS:
            return min(coarse), max(coarse)
        low, high = math.inf, -math.inf
        for cell in range(start // FINE, min(stop // FINE, COARSE - 1) + 1):
            first, last = max(0, start - cell * FINE), min(FINE, stop - cell * FINE)
            if first == 0 and last == FINE:
                least, most = self._extremes(session, cell)
            else:
                values = self._cell(session, cell)[first : last + 1]
                least, most = min(values, default=math.inf), max(values, default=-math.inf)
            low, high = min(low, least), max(high, most)
        return low, high

    def _by_night(self, place: Place) -> float:
        points = self._night(place.session)
        where = place.share * FINE
        step = min(int(where), FINE - 1)
        low = points[step]
        return self._priced(place, low + (points[step + 1] - low) * (where - step))

    def _priced(self, place: Place, change: float) -> float:
        """A night's price: in the evening in the shares of the day before, afterwards without its dividend."""
        session, daily = place.session, self._daily
        if place.evening:
            return daily.exact(session - 1) * math.exp(change)
        return self._before(session) * math.exp(change + daily.drop(session))

    def _make_night(self, session: int) -> Sequence[float]:
        move = self._daily.move(session)
        bridge = self._mixed(
            session, [self._bridges[key].night(session) for key, _ in self._loadings(session)]
        )
        values = array("d")
        for step in range(FINE + 1):
            share = step / FINE
            jumped = total(size for at, size in move.night_steps if at <= share)
            values.append(move.night * share + jumped + move.night_deviation * bridge[step])
        return values

    def _make_coarse(self, session: int) -> Sequence[float]:
        bridge = self._mixed(
            session, [self._bridges[key].coarse(session) for key, _ in self._loadings(session)]
        )
        return array("d", [self._raw(session, step / COARSE, value) for step, value in enumerate(bridge)])

    def _make_cell(self, session: int, cell: int) -> Sequence[float]:
        parts = [self._bridges[key].fine(session, cell) for key, _ in self._loadings(session)]
        bridge, coarse = self._mixed(session, parts), self._coarse(session)
        low, high = min(coarse), max(coarse)
        first = cell * FINE
        values = array("d")
        for step, value in enumerate(bridge):
            values.append(_folded(self._raw(session, (first + step) / _POINTS, value), low, high))
        return values

    def _make_extremes(self, session: int, cell: int) -> tuple[float, float]:
        values = self._cell(session, cell)
        return min(values), max(values)

    def _raw(self, session: int, clock: float, bridge: float) -> float:
        move = self._daily.move(session)
        jumped = total(size for at, size in move.day_steps if at <= clock)
        start = move.gap + self._daily.drop(session)
        return start + move.body * clock + jumped + move.deviation * bridge

    def _mixed(self, session: int, parts: Sequence[Sequence[float]]) -> list[float]:
        """The factors' bridges in an underlying's shares, again a standard bridge."""
        shares = [share for _, share in self._loadings(session)]
        scale = 1.0 / math.sqrt(total(share * share for share in shares))
        if len(parts) == 2:
            (one, other), (a, b) = parts, (share * scale for share in shares)
            return [a * x + b * y for x, y in zip(one, other, strict=True)]
        (one, other, third), (a, b, c) = parts, (share * scale for share in shares)
        return [a * x + b * y + c * z for x, y, z in zip(one, other, third, strict=True)]


def _folded(value: float, low: float, high: float) -> float:
    """A value reflected into a range as often as it leaves it."""
    width = high - low
    if width <= 0.0:
        return low
    offset = (value - low) % (2.0 * width)
    return low + min(offset, 2.0 * width - offset)
