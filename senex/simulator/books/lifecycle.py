"""What happens to accounts by itself as market time passes: the broker's daily timetable.

Times are New York. The exchange stops at every moment of the timetable, also
when the clock jumps over it, and calls :meth:`Lifecycle.due` there in the
transaction of that tick: every event sees its own quotes, and happens once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from senex.simulator.market.sessions import new_york, new_york_date

if TYPE_CHECKING:
    from datetime import datetime

    from senex.simulator.market.market import Market
    from senex.simulator.market.sessions import Session


class Stage(IntEnum):
    """The points of a session's timetable, in their order."""

    MORNING = 1
    """07:00: what happened since the last session's close is booked, dated this session."""
    SAMPLE = 2
    """Every 15 minutes from open to close: net liquidation is sampled."""
    RISK_DESK = 3
    """One hour before the close: positions that could not carry their exercise are closed."""
    EVENING = 4
    """20 minutes after the close, when nothing trades any more: the day's balances are kept."""


_SAMPLING = timedelta(minutes=15)
_DESK_BEFORE_CLOSE = timedelta(hours=1)
_AFTER_CLOSE = timedelta(minutes=20)
_LONGEST_BREAK = timedelta(days=7)


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """One point of the timetable."""

    instant: datetime
    stage: Stage


@lru_cache(maxsize=8)
def timetable(session: Session) -> tuple[Moment, ...]:
    """A session's moments in order."""
    moments = [
        Moment(new_york(session.day, 7), Stage.MORNING),
        Moment(session.closes - _DESK_BEFORE_CLOSE, Stage.RISK_DESK),
        Moment(session.closes + _AFTER_CLOSE, Stage.EVENING),
    ]
    count = (session.closes - session.opens) // _SAMPLING
    moments += [Moment(session.opens + step * _SAMPLING, Stage.SAMPLE) for step in range(count + 1)]
    return tuple(sorted(moments))


class Host(Protocol):
    """What the life cycle asks of the exchange."""

    market: Market


class Lifecycle:
    """Works off the timetable for all accounts of an exchange."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._known: tuple[datetime, Moment] | None = None

    def upcoming(self, instant: datetime) -> datetime:
        """The first moment after an instant: market time stops there."""
        return self._after(instant).instant

    def due(self, previous: datetime, instant: datetime) -> None:
        """Do everything due after ``previous`` up to and including ``instant``, where the board is."""
        moment = self._after(previous)
        while moment.instant <= instant:
            moment = self._after(moment.instant)

    def _after(self, instant: datetime) -> Moment:
        if self._known is not None and self._known[0] <= instant < self._known[1].instant:
            return self._known[1]
        day = new_york_date(instant)
        sessions = self._host.market.sessions.between(day, day + _LONGEST_BREAK)
        moment = next(
            moment for session in sessions for moment in timetable(session) if moment.instant > instant
        )
        self._known = (instant, moment)
        return moment
