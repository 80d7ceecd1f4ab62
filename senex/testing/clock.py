"""Market time a test sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta


class ManualClock:
    """The ``Clock`` port; stands still until told to move."""

    def __init__(self, now: datetime, timeline: str = "test") -> None:
        self._now = now
        self.timeline = timeline

    def now(self) -> datetime:
        """The instant last set."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move on."""
        self._now += by
