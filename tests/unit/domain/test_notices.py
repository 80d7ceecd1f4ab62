"""Whom a notice reaches, when it is said again, how it reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from senex.domain.alarms import Severity
from senex.domain.notices import (
    DAILY_SUMMARY,
    MOST_ATTEMPTS,
    Level,
    Mode,
    due_again,
    message,
    pause_after,
    reaches,
    runbook,
    wait,
)

RAISED = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize("mode", list(Mode))
def test_what_is_critical_reaches_everybody(mode: Mode) -> None:
    assert reaches(mode, "ANY", Level.CRITICAL)


@pytest.mark.parametrize(
    ("mode", "event", "reached"),
    [
        (Mode.NONE, "TARGET_FILLED", False),
        (Mode.NONE, DAILY_SUMMARY, False),
        (Mode.SUMMARY, "TARGET_FILLED", False),
        (Mode.SUMMARY, DAILY_SUMMARY, True),
        (Mode.IMMEDIATE, "TARGET_FILLED", True),
        (Mode.IMMEDIATE, DAILY_SUMMARY, False),
    ],
)
def test_the_rest_as_wanted(mode: Mode, event: str, *, reached: bool) -> None:
    assert reaches(mode, event, Level.INFO) is reached
    assert reaches(mode, event, Level.WARNING) is reached


@pytest.mark.parametrize(
    ("severity", "minutes", "said", "due"),
    [
        (Severity.CRITICAL, 14, 0, False),
        (Severity.CRITICAL, 15, 0, True),
        (Severity.CRITICAL, 59, 1, False),
        (Severity.CRITICAL, 60, 1, True),
        (Severity.CRITICAL, 240, 2, True),
        (Severity.CRITICAL, 10_000, 3, False),
        (Severity.WARNING, 239, 0, False),
        (Severity.WARNING, 240, 0, True),
        (Severity.WARNING, 10_000, 1, False),
    ],
)
def test_what_nobody_acknowledges_is_said_again(
    severity: Severity, minutes: int, said: int, *, due: bool
) -> None:
    assert due_again(severity, RAISED, said, RAISED + timedelta(minutes=minutes)) is due


def test_pauses_grow_to_an_hour() -> None:
    pauses = [pause_after(attempts) for attempts in range(12)]
    assert pauses[:3] == [timedelta(seconds=30), timedelta(seconds=30), timedelta(minutes=1)]
    assert all(one <= later for one, later in pairwise(pauses))
    assert pauses[-1] == timedelta(hours=1)


def test_a_notice_waits_for_its_own_time() -> None:
    assert wait(0, None) == wait(3, None) == timedelta(0)
    assert wait(1, timedelta(seconds=10)) == timedelta(seconds=20)
    assert wait(4, timedelta(minutes=4)) == timedelta(0)
    assert wait(0, timedelta(seconds=2)) == timedelta(seconds=10)
    assert sum((pause_after(one) for one in range(1, MOST_ATTEMPTS)), timedelta(0)) > timedelta(hours=2)


def test_one_message_holds_all_that_is_owed() -> None:
    assert message([("title", "text")]) == ("title", "text")
    assert message([("one", "1"), ("two", "2")]) == ("2 notices from senex", "one\n1\n\ntwo\n2")
    title, text = message([(f"title {n}", f"text {n}") for n in range(25)])
    assert title == "25 notices from senex"
    assert text.startswith("title 0\ntext 0\n\ntitle 1\n")
    assert text.endswith("… and 5 more in the inbox: senex notify list")


def test_a_code_has_its_page() -> None:
    assert runbook("BOOKS_DIFFER") == "docs/runbooks.md#books_differ"
