"""What is known of the market, and what was measured of it day by day and minute by minute, for later looks back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from senex.domain.calendar import Calendar
    from senex.domain.chain import Candle, Metrics
    from senex.domain.quotes import Greeks
    from senex.ports.records import Instrument


class MarketFacts(Protocol):
    """Calendar, bars and instruments."""

    async def calendar(self, around: date) -> Calendar:
        """The sessions of the year before and the year after a New York date."""
        ...

    async def candles(self, timeline: str, symbol: str, since: date) -> tuple[Candle, ...]: ...

    async def save_candles(self, timeline: str, symbol: str, candles: Sequence[Candle]) -> None: ...

    async def save_instruments(self, instruments: Sequence[Instrument]) -> None: ...

    async def meet_instruments(self, instruments: Sequence[Instrument]) -> None:
        """Store those that are not known yet."""
        ...

    async def instruments(self, symbols: Collection[str]) -> Mapping[str, Instrument]: ...


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
