"""The bus → messages. Frames are folded into one market and announced at most 30 times a second.

Redis may deliver thousands of quotes a second; the screens hear one
``QuotesChanged`` per beat with every symbol that moved since the last.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from senex.domain.errors import SenexError
from senex.domain.quotes import Market
from tui.messages import QuotesChanged, StreamBack, StreamLost

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection

    from textual.message import Message

    from senex.bus.codec import Frame
    from senex.bus.subscriber import BusEvent
    from senex.domain.quotes import Quote
    from tui.state import State

BEAT = 1 / 30
LEASE_EVERY = 10.0


class Bus(Protocol):
    """What the console needs of Redis."""

    def events(self) -> AsyncIterator[BusEvent]:
        """Joined, Lost, frames and hints, for ever."""
        ...

    async def lease(self, symbols: Collection[str]) -> None:
        """Ask the streamer for these symbols; lapses by itself.

        Raises:
            Unavailable: ``E_REDIS_AWAY``.
        """
        ...


class Feed:
    """Follows the bus into ``state.market``, posts what changed, and keeps the console's lease."""

    def __init__(
        self,
        bus: Bus,
        state: State,
        post: Callable[[Message], object],
        *,
        hinted: Callable[[], None],
        wanted: Callable[[], Collection[str]],
    ) -> None:
        self._bus = bus
        self._state = state
        self._post = post
        self._hinted = hinted
        self._wanted = wanted
        self._quotes: dict[str, Quote] = {}
        self._changed: set[str] = set()
        self._beat = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow())
            group.create_task(self._announce())
            group.create_task(self._keep_lease())

    async def _follow(self) -> None:
        # redis is imported here, after the first paint, not with the console
        from senex.bus.codec import Frame, Hint  # noqa: PLC0415
        from senex.bus.subscriber import Joined, Lost  # noqa: PLC0415

        async for event in self._bus.events():
            match event:
                case Frame():
                    self._fold(event)
                case Hint():
                    self._hinted()
                case Joined():
                    self._quotes = {}
                    self._fold(event.frame)
                    self._post(StreamBack())
                case Lost():
                    self._post(StreamLost(event.why.message))

    def _fold(self, frame: Frame) -> None:
        """Newer quotes into the market. Only the feed writes it, in the app's own loop."""
        self._quotes.update((quote.symbol, quote) for quote in frame.quotes)
        inbound = frame.pulse.last_inbound or self._state.market.last_inbound
        self._state.market = Market(quotes=self._quotes, last_inbound=inbound)
        self._state.stream_connected = frame.pulse.connected
        self._changed.update(quote.symbol for quote in frame.quotes)
        self._beat.set()

    async def _announce(self) -> None:
        while True:
            await self._beat.wait()
            self._beat.clear()
            if self._changed:
                changed, self._changed = frozenset(self._changed), set()
                self._post(QuotesChanged(changed))
            await asyncio.sleep(BEAT)

    async def _keep_lease(self) -> None:
        asked: frozenset[str] = frozenset()
        due = 0.0
        while True:
            wanted = frozenset(self._wanted())
            now = self._state.monotonic()
            if wanted != asked or now >= due:
                try:
                    await self._bus.lease(wanted)
                    asked, due = wanted, now + LEASE_EVERY
                except SenexError:
                    due = now + 1.0  # the follower reports the outage; ask again when it is back
            await asyncio.sleep(0.5)
