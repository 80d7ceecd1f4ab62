"""The streamer in the market's lockstep: the last quote and the last alert are applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from daemon.streaming.alerts import AlertIntake
    from daemon.streaming.flusher import Flusher
    from daemon.streaming.wishes import Wishes
    from senex.broker.streams import AlertStream, QuoteStream


class Settling:
    """Brings both streams up to the market's instant."""

    def __init__(
        self,
        *,
        quotes: QuoteStream,
        alerts: AlertStream,
        intake: AlertIntake,
        flusher: Flusher,
        wishes: Wishes,
        tell: Callable[[], Awaitable[None]],
    ) -> None:
        """``tell`` says how the sources are; in free time that is done each second."""
        self._quotes = quotes
        self._alerts = alerts
        self._intake = intake
        self._flusher = flusher
        self._wishes = wishes
        self._tell = tell
        self._seen = (-1, -1)

    async def settle(self) -> bool:
        """Subscribe to what is wanted, store every alert, write every quote, tell of both; whether there was news.

        New symbols are news: their first quotes are sent in the next round.
        """
        await self._wishes.follow(books=True)
        await self._quotes.caught_up()
        await self._alerts.caught_up()
        await self._intake.settle()
        await self._flusher.flush()
        await self._tell()
        before, self._seen = self._seen, (self._intake.taken, self._quotes.wishes)
        return before != self._seen
