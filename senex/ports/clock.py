"""Market time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime


class Clock(Protocol):
    """Market time: dates, slots, ages, expiries, every stored time. Never timeouts or leases."""

    @property
    def timeline(self) -> str:
        """Which course of time this is: ``wall``, or a simulation's own id."""
        ...

    def now(self) -> datetime:
        """The aware instant (UTC) it is on the market."""
        ...
