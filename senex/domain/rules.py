"""The written form of schedule rules, as it stands in ``job_schedule``.

    every 5 min 09:30-16:00 sessions
    every 1 min 09:35-10:30 12:00-16:00 sessions in-session
    every 60 min 00:00-23:59 every
    daily 16:30 weekdays

Times are New York wall time; the days are one of every, weekdays, sessions.
"""

from __future__ import annotations

from datetime import time
from functools import lru_cache

from senex.domain.errors import UsageProblem
from senex.domain.schedule import Daily, Days, Every, Rule, Window

_IN_SESSION = "in-session"


@lru_cache(maxsize=256)
def parse_rule(text: str) -> Rule:
    """Read a rule. Raises UsageProblem (E_SCHEDULE_RULE) for what is not one."""
    try:
        match text.split():
            case ["daily", at, days]:
                return Daily(time.fromisoformat(at), Days(days))
            case ["every", minutes, "min", *windows, days, "in-session"] if windows and days == Days.SESSIONS:
                return Every(_minutes(minutes), _windows(windows), Days(days), in_session=True)
            case ["every", minutes, "min", *windows, days] if windows:
                return Every(_minutes(minutes), _windows(windows), Days(days))
    except ValueError:
        pass  # said below, with the rule
    raise UsageProblem(
        "E_SCHEDULE_RULE",
        f"'{text}' is not a schedule rule; write 'daily 16:30 weekdays' or 'every 5 min 09:30-16:00 sessions', with "
        "New York times and the days every, weekdays or sessions.",
    )


def rule_text(rule: Rule) -> str:
    """Write a rule so that ``parse_rule`` reads the same."""
    if isinstance(rule, Daily):
        return f"daily {rule.at:%H:%M} {rule.days}"
    windows = " ".join(f"{window.start:%H:%M}-{window.end:%H:%M}" for window in rule.windows)
    return f"every {rule.minutes} min {windows} {rule.days}" + (f" {_IN_SESSION}" if rule.in_session else "")


def _minutes(text: str) -> int:
    minutes = int(text)
    if minutes <= 0:
        raise ValueError(text)
    return minutes


def _windows(texts: list[str]) -> tuple[Window, ...]:
    found = []
    for text in texts:
        start, end = map(time.fromisoformat, text.split("-", 1))
        found.append(Window(start, end))
    return tuple(found)
