"""What was measured day by day and minute by minute, for later looks back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime
    from uuid import UUID

    from senex.domain.chain import Metrics
    from senex.domain.quotes import Greeks


class History(Protocol):
    """Metrics and Greeks as they were; every row belongs to one timeline."""

    async def underlyings(self, account_id: UUID, since: datetime) -> tuple[str, ...]:
        """Those the account holds, has been proposed since, or lets a policy trade; ascending."""
        ...

    async def held(self, account_id: UUID) -> Mapping[str, str]:
        """The streamer symbol of every contract with something open, by its symbol."""
        ...

    async def save_metrics(self, timeline: str, day: date, metrics: Metrics) -> None:
        """Store an underlying's metrics of a New York day, in place of earlier ones."""
        ...

    async def save_greeks(self, timeline: str, minute: datetime, greeks: Mapping[str, Greeks]) -> int:
        """Store the Greeks of symbols in a minute; how many were not there yet."""
        ...

    async def thin_greeks(
        self, timeline: str, *, since: datetime | None, until: datetime, seconds: int, limit: int
    ) -> int:
        """Keep the last row of each ``seconds`` per symbol between two instants; how many others went.

        The survivors are chosen first and the others deleted by their ids, at most ``limit`` of them. Raises
        ``SenexError`` (``E_HISTORY_COUNT``), so that nothing is committed, when it is not exactly those that went.
        """
        ...
