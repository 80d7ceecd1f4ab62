"""Forgetting what has outlived its use. History of decisions, fills and the audit is no part of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime, timedelta


class Retention(Protocol):
    """Each forgets at most ``limit`` and answers how many; fewer means that there are no more."""

    async def orders(self, before: datetime, limit: int) -> int:
        """Targets and exits that ended, before then, without a fill."""
        ...

    async def suggestions(self, before: datetime, limit: int) -> int:
        """Suggestions that ended before then without a decision about them."""
        ...

    async def slots(self, before: datetime, limit: int) -> int:
        """That slots before then were claimed."""
        ...

    async def work(self, age: timedelta, limit: int) -> int:
        """Work that was done so long ago (machine time)."""
        ...

    async def notices(self, before: datetime, limit: int) -> int:
        """What operators were told before then, with where it went."""
        ...

    async def messages(self, before: datetime) -> int:
        """Whole months of raw broker messages that ended before then; how many months.

        Raises:
            Unavailable: ``E_JOURNAL_BUSY``; nothing was forgotten.
        """
        ...
