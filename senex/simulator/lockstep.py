"""Lockstep: the next instant is served only when everybody who joined has digested the last one.

A turn moves the market to its next instant, has every stream and alert sent,
and then asks those who joined, rank by rank, to say that they are done. A
round in which somebody did something (an alert led to work, an order came in)
is followed by another at the same instant. So the market goes as fast as its
clients drain, and what they do does not depend on how fast that is.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from senex.simulator.market.sessions import TICK
from senex.simulator.tasks import report

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from senex.simulator.exchange import Exchange

HEARD = 0
"""The rank that is asked first: everybody who joined says that it knows the instant."""
LAST_RANK = 9
_STOPS_AT_ONCE = 50
_QUIET = timedelta(minutes=5) // TICK
"""Ticks of a turn outside regular hours, at least."""
_DAY = timedelta(days=1) // TICK


@dataclass(eq=False, slots=True)
class Participant:
    """One who joined: asked by ``say`` at a rank, it answers with the question's number."""

    say: Callable[[int, int], Awaitable[None]]
    name: str = ""
    rank: int = HEARD
    answered: dict[int, bool] = field(default_factory=dict)


class Lockstep:
    """Moves the paused market turn by turn."""

    def __init__(self, exchange: Exchange, sent: Callable[[], Awaitable[None]]) -> None:
        """``sent`` returns once all streams and alerts have been handed to their clients."""
        self._exchange = exchange
        self._sent = sent
        self.participants: set[Participant] = set()
        self.required: frozenset[str] = frozenset()
        self.waiting: tuple[str, ...] = ()
        self.turns = 0
        self.on_turn: Callable[[], None] = lambda: None
        self._stirred = 0
        self._question = 0
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    # -- who takes part ---------------------------------------------------------------------------

    def join(self, one: Participant, *, name: str, rank: int) -> None:
        """Wait for this one from now on, at its rank."""
        one.name, one.rank = name, max(HEARD, min(LAST_RANK, rank))
        self.participants.add(one)
        self.stir()
        self._news.set()

    def leave(self, one: Participant) -> None:
        """Wait for it no longer, unless its name is required."""
        self.participants.discard(one)
        self._news.set()

    def answer(self, one: Participant, question: int, *, worked: bool) -> None:
        """Take an answer: done with this instant, and whether there was anything to do."""
        one.answered[question] = worked
        self._news.set()

    def stir(self) -> None:
        """Something happened at the broker: everybody is asked once more."""
        self._stirred += 1

    # -- moving -----------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether turns are being taken."""
        return self._task is not None and not self._task.done()

    def start(self, until: datetime | None) -> asyncio.Task[None]:
        """Take turns until an instant, or until told to stop; ends once the last one is digested by all."""
        self._task = asyncio.get_running_loop().create_task(self._run(until))
        self._task.add_done_callback(report)
        return self._task

    async def stop(self) -> None:
        """Wait for nobody any longer, required or not, and stand still."""
        self.required = frozenset()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self.waiting = ()

    async def settle(self) -> None:
        """Have the instant digested: ask until a whole round has passed in which nothing happened."""
        while True:
            before = self._stirred
            await self._sent()
            worked = False
            for rank in sorted({HEARD, *(one.rank for one in self.participants)}):
                worked |= await self._ask(rank)
            if not worked and self._stirred == before:
                return

    async def _run(self, until: datetime | None) -> None:
        exchange = self._exchange
        await self.settle()
        while until is None or exchange.board.tick < exchange.market.tick(until):
            farthest = exchange.board.tick + _DAY
            await self._turn(farthest if until is None else min(farthest, exchange.market.tick(until)))
        exchange.advance(until)
        self.on_turn()

    async def _turn(self, target: int) -> None:
        exchange = self._exchange
        instant = exchange.market.instant(self._end_of_turn(target))
        reached = False
        while not reached:
            reached = exchange.advance(instant, most=_STOPS_AT_ONCE)
            await asyncio.sleep(0)
        self.turns += 1
        self.on_turn()
        await self.settle()

    def _end_of_turn(self, target: int) -> int:
        """The tick this turn goes to: with nobody there to see it, all the way."""
        exchange = self._exchange
        if not self.participants and not self.required:
            return target
        market, tick = exchange.market, exchange.board.tick
        instant = market.instant(tick)
        session = market.sessions.upcoming(instant)
        quiet = instant < session.opens
        bell = min(target, -((market.start - (session.opens if quiet else session.closes)) // TICK))
        if exchange.by_event:
            return bell
        length = max(exchange.grid, _QUIET) if quiet else exchange.grid
        return min(bell, (tick // length + 1) * length)

    async def _ask(self, rank: int) -> bool:
        """Ask everybody of a rank (all, whether they heard) and wait; whether anybody had something to do."""
        self._question += 1
        question, asked = self._question, set[Participant]()
        while True:
            self._news.clear()
            there = {one for one in self.participants if rank in (HEARD, one.rank)}
            for one in sorted(there - asked, key=lambda one: one.name):
                asked.add(one)
                with suppress(ConnectionError):
                    await one.say(question, rank)
            missing = self.required - {one.name for one in self.participants}
            slow = {one.name for one in there if question not in one.answered}
            if not missing and not slow:
                break
            self.waiting = tuple(sorted(missing | slow))
            await self._news.wait()
        self.waiting = ()
        answers = [one.answered.pop(question, False) for one in asked]
        return any(answers)
