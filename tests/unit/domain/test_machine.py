"""When a clock or a disk wants a person."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from senex.domain.alarms import Severity
from senex.domain.machine import Disk, judge_clock, judge_disk


@pytest.mark.parametrize(
    ("seconds", "severity"),
    [
        (0, None),
        (1.999, None),
        (2, Severity.WARNING),
        (-29.9, Severity.WARNING),
        (30, Severity.CRITICAL),
        (-3600, Severity.CRITICAL),
    ],
)
def test_a_clock_warns_at_two_seconds_and_stops_at_thirty(seconds: float, severity: Severity | None) -> None:
    alarm = judge_clock("box", timedelta(seconds=seconds))
    assert (alarm and alarm.severity) == severity
    if alarm is not None:
        assert ("behind" in alarm.text) == (seconds < 0)
        assert ("Nothing new" in alarm.text) == (severity is Severity.CRITICAL)
        assert alarm.object_id == "box"


@pytest.mark.parametrize(
    ("used", "severity"),
    [
        ("0", None),
        ("0.7999", None),
        ("0.8", Severity.WARNING),
        ("0.8999", Severity.WARNING),
        ("0.9", Severity.CRITICAL),
    ],
)
def test_a_disk_warns_at_eighty_percent_and_stops_at_ninety(used: str, severity: Severity | None) -> None:
    alarm = judge_disk("box", Disk("/data", Decimal(used)))
    assert (alarm and alarm.severity) == severity
    if alarm is not None:
        assert alarm.object_id == "box:/data"
