"""The market clock as its followers see it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from senex.simulator import wire

if TYPE_CHECKING:
    from aiohttp import web

    from senex.simulator.exchange import Exchange

PUSH_SECONDS = 1.0
MAX_SPEED = 60.0


class ClockHub:
    """Tells every follower the market's time: at once, on a change, and at least every second."""

    def __init__(self, exchange: Exchange, timeline: str) -> None:
        self._exchange = exchange
        self._timeline = timeline
        self._followers: dict[web.WebSocketResponse, asyncio.Event] = {}

    def state(self) -> wire.Json:
        """The market's time now, and the session it is in or comes to next."""
        instant = self._exchange.now()
        session = self._exchange.market.sessions.upcoming(instant)
        return {
            "timeline": self._timeline,
            "instant": instant.isoformat(timespec="microseconds"),
            "speed": self._exchange.clock.speed,
            "sequence": self._exchange.board.tick,
            "session": {
                "date": session.day,
                "open": session.opens.isoformat(),
                "close": session.closes.isoformat(),
            },
        }

    def publish(self) -> None:
        """The clock was set: tell every follower now."""
        for changed in self._followers.values():
            changed.set()

    async def push(self, socket: web.WebSocketResponse) -> None:
        """Push to one follower for as long as it is there."""
        changed = self._followers[socket] = asyncio.Event()
        try:
            while not socket.closed:
                changed.clear()
                await socket.send_str(wire.dumps(self.state()).decode())
                try:
                    async with asyncio.timeout(PUSH_SECONDS):
                        await changed.wait()
                except TimeoutError:
                    continue
        finally:
            del self._followers[socket]

    async def close(self) -> None:
        """Close every connection."""
        for socket in list(self._followers):
            await socket.close()
