"""Notices: what operators are told, whom it reaches outside, and when it is said again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from senex.domain.alarms import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

DAILY_SUMMARY = "DAILY_SUMMARY"
ESCALATION = "ESCALATION"
PER_MINUTE = 5
"""Messages a channel is sent at most; what is more waits, and goes out together."""
MOST_ATTEMPTS = 10
"""Failed attempts after which a channel is given up for a notice; the inbox keeps it."""
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=1)
_MINUTE = timedelta(minutes=1)
_LISTED = 20
_AGAIN = {
    Severity.CRITICAL: (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4)),
    Severity.WARNING: (timedelta(hours=4),),
}
"""How long after it was raised an alarm that nobody has acknowledged is said again."""


class Level(StrEnum):
    """How much it matters."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Mode(StrEnum):
    """What an operator wants to be sent; critical notices are sent in every mode."""

    NONE = "none"
    IMMEDIATE = "immediate"
    SUMMARY = "summary"


@dataclass(frozen=True, slots=True)
class Notice:
    """What to tell. The same event on the same object is told once in a New York day.

    What is critical is told again when it comes back or becomes critical again, and what is told ``anew``
    when it says something else by now.
    """

    event: str
    level: Level
    account_id: UUID | None
    object_type: str
    object_id: str
    title: str
    text: str
    alarm_id: UUID | None = None
    anew: bool = False


def reaches(mode: Mode, event: str, level: Level) -> bool:
    """Whether an operator of this mode is sent it outside; the inbox always has it."""
    if level is Level.CRITICAL:
        return True
    return mode is (Mode.SUMMARY if event == DAILY_SUMMARY else Mode.IMMEDIATE)


def due_again(severity: Severity, raised_at: datetime, said: int, now: datetime) -> bool:
    """Whether an alarm nobody has acknowledged, said again ``said`` times so far, is due once more."""
    steps = _AGAIN[severity]
    return said < len(steps) and now - raised_at >= steps[said]


def pause_after(attempts: int) -> timedelta:
    """How long a channel is left alone with a notice that failed there so many times in a row."""
    return min(_FIRST_PAUSE * (1 << max(attempts - 1, 0)), _LONGEST_PAUSE)


def wait(attempts: int, age: timedelta | None) -> timedelta:
    """How long a notice waits that failed so often at a channel, and was last tried there so long ago.

    One told anew right after it was sent waits too: one that comes and goes is not sent at each coming.
    """
    if age is None:
        return timedelta(0)
    pause = pause_after(attempts) if attempts else _MINUTE / PER_MINUTE
    return max(pause - age, timedelta(0))


def message(told: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """One message of titles and texts that go out together."""
    if len(told) == 1:
        return told[0]
    shown = [f"{title}\n{text}" for title, text in told[:_LISTED]]
    if more := len(told) - len(shown):
        shown.append(f"… and {more} more in the inbox: senex notify list")
    return f"{len(told)} notices from senex", "\n\n".join(shown)


def runbook(code: str) -> str:
    """Where it is written what to do about an alarm."""
    return f"docs/runbooks.md#{code.lower()}"
