"""The market clock as its followers see it, and as those who move in lockstep with it answer."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from senex.simulator import wire
from senex.simulator.lockstep import Participant
from senex.simulator.market.sessions import TICK

if TYPE_CHECKING:
    from aiohttp import web

    from senex.simulator.exchange import Exchange
    from senex.simulator.lockstep import Lockstep

PUSH_SECONDS = 1.0
MAX_SPEED = 60.0


class ClockHub:
    """Tells every follower the market's time: at once, on a change, and at least every second."""

    def __init__(self, exchange: Exchange, timeline: str, lockstep: Lockstep) -> None:
        self._exchange = exchange
        self._timeline = timeline
        self._lockstep = lockstep
        self._followers: dict[web.WebSocketResponse, asyncio.Event] = {}
        self._participants: dict[web.WebSocketResponse, Participant] = {}
        lockstep.on_turn = self.publish

    def state(self) -> wire.Json:
        """The market's time now, the session it is in or comes to next, and who moves in lockstep."""
        instant = self._exchange.now()
        session = self._exchange.market.sessions.upcoming(instant)
        step = self._lockstep
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
            "grid": "event" if self._exchange.by_event else self._exchange.grid * TICK.total_seconds(),
            "lockstep": {
                "running": step.running,
                "turns": step.turns,
                "joined": sorted(one.name for one in step.participants),
                "waiting": step.waiting,
            },
        }

    @property
    def followers(self) -> int:
        """How many follow."""
        return len(self._followers)

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
            participant = self._participants.pop(socket, None)
            if participant is not None:
                self._lockstep.leave(participant)

    def hear(self, socket: web.WebSocketResponse, body: wire.Json) -> None:
        """Take what a follower says: it joins, leaves, or is done.

        ``{"join": name, "rank": n}``, ``{"leave": name}``, ``{"done": question, "worked": bool}``.
        """
        known = self._participants.get(socket)
        if "join" in body:
            if known is None:
                known = self._participants[socket] = Participant(partial(self._ask, socket))
            self._lockstep.join(known, name=str(body["join"]), rank=_number(body.get("rank")))
        elif known is not None and "leave" in body:
            self._lockstep.leave(known)
        elif known is not None and "done" in body:
            self._lockstep.answer(known, _number(body["done"]), worked=body.get("worked") is True)

    async def close(self) -> None:
        """Close every connection."""
        for socket in list(self._followers):
            await socket.close()

    async def _ask(self, socket: web.WebSocketResponse, question: int, rank: int) -> None:
        await socket.send_str(wire.dumps({**self.state(), "ask": question, "rank": rank}).decode())


def _number(told: object) -> int:
    return told if isinstance(told, int) else 0
