"""Market time: an anchor (instant, monotonic reading, speed) that can be paused and persisted."""

from __future__ import annotations

from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class MarketClock:
    """The market's time. It starts anywhere and runs ``speed`` times as fast as the machine's; never back."""

    def __init__(self, instant: datetime, speed: float, machine: Callable[[], float] = monotonic) -> None:
        self._machine = machine
        self._instant = self._last = instant
        self._speed = speed
        self._read = machine()

    @property
    def speed(self) -> float:
        """Market seconds per machine second; 0 is paused."""
        return self._speed

    def now(self) -> datetime:
        """The market's instant; it stands still for as long as it was held back from one already told."""
        running = self._instant + timedelta(seconds=(self._machine() - self._read) * self._speed)
        self._last = max(self._last, running)
        return self._last

    def set_speed(self, speed: float) -> None:
        """Run at another speed from this instant on."""
        self._instant = self.now()
        self._read = self._machine()
        self._speed = speed

    def move_to(self, instant: datetime) -> None:
        """Continue from another instant at the same speed; an earlier one makes the clock wait for it."""
        self._instant = instant
        self._read = self._machine()

    def follow(self, instant: datetime, speed: float) -> None:
        """Be where another clock is; it is never gone back to what was told."""
        self._instant = instant
        self._read = self._machine()
        self._speed = speed

    def machine_seconds_until(self, instant: datetime) -> float | None:
        """How long until an instant comes, in machine seconds; None while paused."""
        if self._speed == 0:
            return None
        return max(0.0, (instant - self.now()).total_seconds() / self._speed)
