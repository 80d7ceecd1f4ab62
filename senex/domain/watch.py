"""What is watched in a session: whether sources are fresh, and what stops trading today."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from senex.domain.alarms import Severity
from senex.domain.calendar import new_york_date

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from senex.domain.calendar import Session

_STREAM, _BOOKS = timedelta(minutes=5), timedelta(minutes=30)
WATCHED: Mapping[str, timedelta] = {
    "quotes": _STREAM,
    "alerts": _STREAM,
    "token": _STREAM,
    "redis": _STREAM,
    "balances": _BOOKS,
    "positions": _BOOKS,
    "orders": _BOOKS,
}
"""Sources that must be fresh in a session, and how old their last word may be."""
LOGIN_LOST, LOGIN_RESTORED = "LOGIN_LOST", "LOGIN_RESTORED"
REFUSED_LOGIN = "E_BROKER_TOKEN"
"""The code in the words of a token source that the broker refuses."""

_LAST_HOUR, _LAST_HALF = timedelta(minutes=60), timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Source:
    """What a source last said of itself, and when (market time)."""

    name: str
    ok: bool
    detail: str
    at: datetime


def stale(sources: Iterable[Source], now: datetime) -> dict[str, str]:
    """Every watched source that is not fresh, and what is wrong with it."""
    known = {source.name: source for source in sources}
    found = {}
    for name, limit in WATCHED.items():
        source = known.get(name)
        if source is None:
            found[name] = "has not been heard of yet"
        elif now - source.at > limit:
            found[name] = f"was last heard of {(now - source.at) // timedelta(minutes=1)} minutes ago"
        elif not source.ok:
            found[name] = f"is not fresh: {source.detail}"
    return found


def login_lost(sources: Iterable[Source]) -> str | None:
    """Why the broker no longer lets us in; None while it does, or while it cannot be reached at all."""
    tokens = (source for source in sources if source.name == "token")
    return next((token.detail for token in tokens if not token.ok and REFUSED_LOGIN in token.detail), None)


def expires_today(stops: Iterable[datetime], session: Session) -> bool:
    """Whether a contract stops trading in this session: on its day, or before the next could begin."""
    return any(new_york_date(stop) == session.day for stop in stops)


def expiry_severity(session: Session, now: datetime) -> Severity | None:
    """How loud what is still open and stops trading today is: not yet, a warning, critical (DOMAIN G).

    Counted from the session's own close, 15:00 and 15:30 on a whole day, so that a half day is warned of in time.
    """
    left = session.closes - now
    if left > _LAST_HOUR:
        return None
    return Severity.WARNING if left > _LAST_HALF else Severity.CRITICAL
