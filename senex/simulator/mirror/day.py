"""A recorded day, served again: at each tick what was recorded for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from senex.simulator.market.sessions import TICK
from senex.simulator.mirror.market import MirrorMarket
from senex.simulator.mirror.pages import Pages
from senex.simulator.mirror.quotes import MirrorQuotes
from senex.simulator.mirror.tape import Tape

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from aiohttp import web

    from senex.simulator.market.profiles import Scenario
    from senex.simulator.mirror.pages import Host
    from senex.simulator.mirror.tape import Line


@dataclass(frozen=True, slots=True)
class Known:
    """What a recording turned out to hold when it was read through."""

    start: datetime
    last: int
    complete: bool
    symbols: tuple[str, ...]


def examine(file: Path) -> Known:
    """Read a recording through, so that damage shows before anybody trades on it.

    Raises:
        UsageProblem: as ``Tape``.
    """
    tape = Tape(file)
    last = 0
    for line in tape.lines():
        last = max(last, int(line[1]))
    return Known(tape.start, last, tape.complete, tuple(tape.facts.get("symbols", ())))


class Day:
    """Plays a recording. After its last tick nothing is firm any more: nothing fills."""

    def __init__(self, file: Path, known: Known, *, seed: int, scenario: Scenario) -> None:
        self.known = known
        self.quotes = MirrorQuotes()
        self.market = MirrorMarket(seed=seed, scenario=scenario, start=known.start, mirror=self.quotes)
        self._pages = Pages()
        self._lines = Tape(file).lines()
        self._next: Line | None = next(self._lines, None)
        self._reached = 0
        self.quotes.on_reach = self.reach
        self.quotes.live = lambda: self._reached <= known.last

    def reach(self, tick: int) -> None:
        """Apply everything recorded up to a tick."""
        self._reached = max(self._reached, tick)
        while self._next is not None and self._next[1] <= tick:
            self._apply(self._next)
            self._next = next(self._lines, None)

    def _apply(self, line: Line) -> None:
        what, tick = line[0], int(line[1])
        if what == "rows":
            rows = [tuple(row) for row in line[3]]
            self.quotes.take(line[2], rows, self.known.start + tick * TICK, tick)
        elif what == "page":
            name, _, symbol = str(line[2]).partition(" ")
            if name == "chain":
                self.market.take_chain(symbol, line[3])
            self._pages.known[line[2]] = line[3]
        elif what == "gap":
            self.quotes.lost()

    async def answer(self, request: web.Request, label: str) -> web.StreamResponse | None:
        """Recorded metrics and events; all else follows from rows and chains."""
        return self._pages.answer(request) if label == "market-metrics" else None

    async def run(self, server: Host) -> None:
        """A recording needs no following: it is read as the market moves."""
        del server
        await asyncio.get_running_loop().create_future()
