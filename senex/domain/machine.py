"""The machine senex runs on: when its clock or a disk wants a person, and when nothing new may be opened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from senex.domain.alarms import Alarm, Severity

CLOCK_WARNS, CLOCK_STOPS = timedelta(seconds=2), timedelta(seconds=30)
DISK_WARNS, DISK_STOPS = Decimal("0.80"), Decimal("0.90")
CLOCK_OFF, DISK_FILLS = "CLOCK_OFF", "DISK_FILLS"


@dataclass(frozen=True, slots=True)
class Disk:
    """A file system by a folder on it; ``used`` is the share of it that is taken."""

    path: str
    used: Decimal


def judge_clock(host: str, offset: timedelta) -> Alarm | None:
    """The alarm over a clock that is ``offset`` ahead of the broker's (behind: negative)."""
    wrong = abs(offset)
    if wrong < CLOCK_WARNS:
        return None
    said = f"The clock of {host} is {wrong.total_seconds():.0f} s {'behind' if offset < timedelta(0) else 'ahead of'}"
    return _alarm(
        CLOCK_OFF,
        host,
        f"{said} the broker's; set it right (is its time service running?)",
        stops=wrong >= CLOCK_STOPS,
    )


def judge_disk(host: str, disk: Disk) -> Alarm | None:
    """The alarm over a disk that fills."""
    if disk.used < DISK_WARNS:
        return None
    said = f"The disk with {disk.path} on {host} is {disk.used:.0%} full; make room on it"
    return _alarm(DISK_FILLS, f"{host}:{disk.path}", said, stops=disk.used >= DISK_STOPS)


def _alarm(code: str, subject: str, said: str, *, stops: bool) -> Alarm:
    return Alarm(
        code=code,
        severity=Severity.CRITICAL if stops else Severity.WARNING,
        account_id=None,
        object_type="machine",
        object_id=subject,
        text=f"{said}. Nothing new is opened until then and the state is set back." if stops else f"{said}.",
    )
