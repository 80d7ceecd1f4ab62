"""Alarms: what wants a person."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID


DAILY_LOSS = "DAILY_LOSS"
"""The day has lost what it may; its object is the New York day."""


class Severity(StrEnum):
    """How soon somebody should look."""

    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Alarm:
    """What to raise. The same code on the same object is one alarm until it is resolved.

    ``code`` is stable (``ORDER_DOUBLED``), ``text`` one sentence that says what
    happened and what to do.
    """

    code: str
    severity: Severity
    account_id: UUID | None
    object_type: str
    object_id: str
    text: str
