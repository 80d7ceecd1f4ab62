"""The clock a console reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime


class FollowedClock(Protocol):
    """Market time, and whether it is heard."""

    @property
    def fresh(self) -> bool:
        """Whether the clock was heard lately; the wall's always is."""
        ...

    def now(self) -> datetime:
        """The aware instant (UTC) it is on the market."""
        ...
