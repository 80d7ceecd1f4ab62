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
from typing import TYPE_CHECKING

from senex.simulator.books import actions, assignment, riskdesk, settlement
from senex.simulator.books.balances import balances
from senex.simulator.books.records import Sample, Snapshot
from senex.simulator.market.sessions import new_york, new_york_date

if TYPE_CHECKING:
    from datetime import date, datetime

    from senex.simulator.books.clerk import Host
    from senex.simulator.market.sessions import Session


class Stage(IntEnum):
    """The points of a session's timetable, in their order."""

    MORNING = 1
    """04:00, when the day's prices begin: what happened since the last session's close is booked, dated this
    session: expiration, exercise and assignment, dividends, splits of shares. Then the balances are kept (BOD)."""
    OPENING = 2
    """At the opening: options split, which until then stood still at their old terms."""
    SAMPLE = 3
    """Every 15 minutes from open to close: net liquidation is sampled."""
    RISK_DESK = 4
    """One hour before the close: positions that could not carry their exercise are closed."""
    EVENING = 5
    """20 minutes after the close, when no option trades any more: the balances are kept (EOD)."""


_SAMPLING = timedelta(minutes=15)
_DESK_BEFORE_CLOSE = timedelta(hours=1)
_AFTER_CLOSE = timedelta(minutes=20)
_LONGEST_BREAK = timedelta(days=7)
HISTORY = 21
"""Sessions for which a new account has been there."""


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """One point of the timetable."""

    instant: datetime
    stage: Stage
    day: date


@lru_cache(maxsize=8)
def timetable(session: Session) -> tuple[Moment, ...]:
    """A session's moments in order."""
    count = (session.closes - session.opens) // _SAMPLING
    moments = [
        (new_york(session.day, 4), Stage.MORNING),
        (session.opens, Stage.OPENING),
        *((session.opens + step * _SAMPLING, Stage.SAMPLE) for step in range(count + 1)),
        (session.closes - _DESK_BEFORE_CLOSE, Stage.RISK_DESK),
        (session.closes + _AFTER_CLOSE, Stage.EVENING),
    ]
    return tuple(sorted(Moment(instant, stage, session.day) for instant, stage in moments))


class Lifecycle:
    """Works off the timetable for all accounts of an exchange."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._known: tuple[datetime, tuple[Moment, ...]] | None = None

    def upcoming(self, instant: datetime) -> datetime:
        """The first moment after an instant: market time stops there."""
        return self._after(instant)[0].instant

    def due(self, previous: datetime, instant: datetime) -> None:
        """Do everything due after ``previous`` up to and including ``instant``, where the board is."""
        while (moments := self._after(previous))[0].instant <= instant:
            for moment in moments:
                self._do(moment, instant)
            previous = moments[0].instant

    def open_account(self, number: str, instant: datetime, *, margin_or_cash: str) -> None:
        """Open an account that has been there for some sessions, unless it exists."""
        books, sessions = self._host.books, self._host.market.sessions
        if number in books.accounts:
            return
        last = sessions.last_started(instant)
        past = [sessions[count] for count in range(max(last - HISTORY, sessions.first), last + 1)]
        books.open_account(number, past[0], margin_or_cash)
        for moment in (moment for session in past for moment in timetable(session)):
            if past[0].opens < moment.instant <= instant:
                self._keep(number, moment)

    def _after(self, instant: datetime) -> tuple[Moment, ...]:
        """The moments of the next instant at which there are any."""
        if self._known is not None and self._known[0] <= instant < self._known[1][0].instant:
            return self._known[1]
        day = new_york_date(instant)
        sessions = self._host.market.sessions.between(day, day + _LONGEST_BREAK)
        later = [one for session in sessions for one in timetable(session) if one.instant > instant]
        moments = tuple(one for one in later if one.instant == later[0].instant)
        self._known = (instant, moments)
        return moments

    def _do(self, moment: Moment, instant: datetime) -> None:
        host = self._host
        for account in host.books.accounts:
            if moment.stage is Stage.MORNING:
                settlement.settle(host, account, moment.day, instant)
                assignment.assign_early(host, account, moment.day, instant)
                actions.dividends(host, account, moment.day, instant)
                actions.split_shares(host, account, moment.day, instant)
            elif moment.stage is Stage.OPENING:
                actions.split_options(host, account, moment.day, instant)
            elif moment.stage is Stage.RISK_DESK:
                riskdesk.close_what_cannot_be_carried(host, account, moment.day, instant)
            self._keep(account, moment)

    def _keep(self, account: str, moment: Moment) -> None:
        """Keep what the account is worth."""
        host = self._host
        if moment.stage in {Stage.OPENING, Stage.RISK_DESK}:
            return
        known = host.accountant.statement(account)
        if moment.stage is Stage.SAMPLE:
            host.books.commit([Sample(account, moment.instant, known.net_liquidation, known.pending)])
            return
        time_of_day = "BOD" if moment.stage is Stage.MORNING else "EOD"
        amounts = balances(known, cash=host.books.accounts[account].is_cash)
        host.books.commit([Snapshot(account, moment.day, time_of_day, moment.instant, amounts)])
