"""Bars of any period, made of the same stretches: a day's bar is what its minutes add up to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple

from senex.simulator.market.regimes import HISTORY
from senex.simulator.market.sessions import NEW_YORK, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from senex.simulator.market.path import Prices
    from senex.simulator.market.sessions import Sessions

_PERIOD = re.compile(r"^(\d*)(s|m|h|d|w|mo)$")
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_DAY = 86400
_LARGEST = 4 * 3600
_MOST = 1_000
"""How many days, weeks or months a period may have."""


@dataclass(frozen=True, slots=True)
class Bar:
    """Prices in dollars to the cent and the volume of a period that starts at ``start``."""

    start: datetime
    open: float
    high: float
    low: float
    close: float
    volume: int


class Period(NamedTuple):
    """``times`` a unit: s, m, h, d, w or mo."""

    times: int
    unit: str

    @property
    def seconds(self) -> int:
        """The length of an intraday period; 0 for days and longer."""
        return self.times * _SECONDS.get(self.unit, 0)


def period_of(text: str) -> Period | None:
    """Parse a period such as ``5m``, ``d`` or ``1mo``; None for one that there is not."""
    match = _PERIOD.match(text)
    if match is None:
        return None
    period = Period(int(match[1] or 1), match[2])
    if period.times < 1 or period.seconds > _LARGEST or (not period.seconds and period.times > _MOST):
        return None
    return period


class Stretch(NamedTuple):
    """Trading without a pause, inside regular hours or on one side of a night."""

    start: datetime
    end: datetime


class Tape:
    """Cuts a symbol's trading into bars."""

    def __init__(
        self,
        prices: Prices,
        sessions: Sessions,
        volume: Callable[[Place], int],
        ratio: Callable[[int], float],
    ) -> None:
        self._prices = prices
        self._sessions = sessions
        self._volume = volume
        self._ratio = ratio

    def bars(self, period: Period, since: datetime, until: datetime, *, extended: bool) -> list[Bar]:
        """The bars that end after ``since``, up to what had traded ``until``, oldest first.

        Prices before a split are in the shares of ``until``.
        """
        found: list[Bar] = []
        for number in self._numbers(since, until, period):
            for start, stretch in self._cut(number, period, extended=extended):
                if stretch.start >= until:
                    break
                bar = self._bar(number, start, Stretch(stretch.start, min(stretch.end, until)), until)
                if found and found[-1].start == start:
                    found[-1] = _joined(found[-1], bar)
                else:
                    found.append(bar)
        return [bar for bar in found if self._end(bar, period) > since]

    def _numbers(self, since: datetime, until: datetime, period: Period) -> range:
        first = self._sessions.place_of(_label_of_date(since.astimezone(NEW_YORK).date(), period)).session
        last = self._sessions.place_of(until).session
        return range(max(first - 1, 1 - HISTORY), last + 1)

    def _end(self, bar: Bar, period: Period) -> datetime:
        if period.seconds:
            return bar.start + timedelta(seconds=period.seconds)
        return bar.start + timedelta(days={"d": 1, "w": 7, "mo": 31}[period.unit] * period.times)

    def _cut(self, number: int, period: Period, *, extended: bool) -> Iterator[tuple[datetime, Stretch]]:
        """The stretches of a session's day with the start of the bar that each belongs to."""
        session = self._sessions[number]
        stretches = [Stretch(session.opens, session.closes)]
        if extended:
            first, last = self._sessions.extended(number)
            stretches = [Stretch(first, session.opens), *stretches, Stretch(session.closes, last)]
        for stretch in stretches:
            if not period.seconds:
                yield self._label(number, period), stretch
                continue
            midnight = datetime.combine(session.day, time(), tzinfo=NEW_YORK).astimezone(UTC)
            start, step = stretch.start, timedelta(seconds=period.seconds)
            while start < stretch.end:
                label = midnight + (start - midnight) // step * step
                end = min(stretch.end, label + step)
                yield label, Stretch(start, end)
                start = end

    def _label(self, number: int, period: Period) -> datetime:
        day = self._sessions[number].day
        if period.unit == "d" and period.times > 1:
            position = number - self._sessions.first
            day = self._sessions[number - position % period.times].day
        return _label_of_date(day, period)

    def _bar(self, number: int, start: datetime, stretch: Stretch, until: datetime) -> Bar:
        sessions, prices = self._sessions, self._prices
        session = sessions[number]
        if session.opens <= stretch.start < session.closes:
            length = session.closes - session.opens
            ends = [Place(number, regular=True, share=(one - session.opens) / length) for one in stretch]
            low, high = prices.range(number, ends[0].share, ends[1].share)
        else:
            ends = [sessions.place_of(one) for one in stretch]
            if ends[1].regular:
                ends[1] = Place(number, regular=False, share=1.0)
            low, high = prices.night_range(ends[0], ends[1].share)
        opened, last = (prices.at(one) for one in ends)
        ratio = self._ratio(sessions.place_of(until).started) / self._ratio(number)
        found = opened, max(high, opened, last), min(low, opened, last), last
        opened, high, low, last = (round(one * ratio, 2) for one in found)
        return Bar(start, opened, high, low, last, self._volume(ends[1]) - self._volume(ends[0]))


def _label_of_date(day: date, period: Period) -> datetime:
    """Midnight UTC of a day, of its week's Monday or of its month's first."""
    if period.unit == "w":
        day -= timedelta(days=day.weekday())
    elif period.unit == "mo":
        day = day.replace(day=1)
    return datetime.combine(day, time(), tzinfo=UTC)


def _joined(one: Bar, more: Bar) -> Bar:
    return Bar(
        one.start,
        one.open,
        max(one.high, more.high),
        min(one.low, more.low),
        more.close,
        one.volume + more.volume,
    )
