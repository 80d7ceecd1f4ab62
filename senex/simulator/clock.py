"""Market time: an anchor (instant, monotonic reading, speed) that can be paused and persisted."""

from __future__ import annotations

from datetime import datetime, timedelta
from time import monotonic


class MarketClock:
    """The market's time. It starts anywhere and runs ``speed`` times as fast as the wall clock."""

    def __init__(self, instant: datetime, speed: float) -> None:
        self._instant = instant
        self._speed = speed
        self._read = monotonic()

    @property
    def speed(self) -> float:
        """Market seconds per machine second; 0 is paused."""
        return self._speed

    def now(self) -> datetime:
        """The market's instant."""
        return self._instant + timedelta(seconds=(monotonic() - self._read) * self._speed)

    def set_speed(self, speed: float) -> None:
        """Run at another speed from this instant on."""
        self._instant = self.now()
        self._read = monotonic()
        self._speed = speed

    def move_to(self, instant: datetime) -> None:
        """Continue from another instant at the same speed."""
        self._instant = instant
        self._read = monotonic()

    def machine_seconds_until(self, instant: datetime) -> float | None:
        """How long until an instant comes, in machine seconds; None while paused."""
        if self._speed == 0:
            return None
        return max(0.0, (instant - self.now()).total_seconds() / self._speed)
