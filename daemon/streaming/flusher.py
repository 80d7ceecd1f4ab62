"""From the quote book to Redis: one write and one framed message per flush.

Redis is a cache. When it goes, quotes keep flowing into the book; when it is
back, or has forgotten something, everything is written again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from senex.bus.codec import Pulse
from senex.domain.errors import Unavailable

if TYPE_CHECKING:
    from typing import Never

    from senex.broker.book import QuoteBook
    from senex.bus.publisher import QuoteWriter

_log = logging.getLogger(__name__)

EVERY = 0.1
"""Seconds between flushes."""
PULSE_EVERY = 1.0
"""Seconds after which a frame goes out although nothing changed."""
_PATIENCE = 0.5


class Flusher:
    """Writes what changed in the book, ten times a second."""

    def __init__(self, book: QuoteBook, writer: QuoteWriter) -> None:
        self._book = book
        self._writer = writer
        self._shape = ("", 0)
        self._frame = 0
        self._anew = True
        self._last = 0.0
        self._turn = asyncio.Lock()
        self.problem = "nothing written yet"

    async def run(self) -> Never:
        """Flush until cancelled."""
        while True:
            await self.flush()
            await asyncio.sleep(_PATIENCE if self.problem else EVERY)

    async def flush(self) -> None:
        """Write what changed; everything, when the cache is not what it should be."""
        async with self._turn:
            await self._flush()

    async def _flush(self) -> None:
        shape = (self._book.epoch, self._book.dropped)
        anew = self._anew or self._shape != shape
        drained = self._book.drain()
        due = time.monotonic() - self._last >= PULSE_EVERY
        if not (anew or due or drained.quotes or drained.greeks):
            return
        # a number left out tells every reader to read all again: what it holds may be void
        self._frame += 2 if anew else 1
        pulse = Pulse(
            epoch=self._book.epoch,
            frame=self._frame,
            sequence=self._book.sequence,
            connected=self._book.connected,
            last_inbound=self._book.last_inbound,
            source_sequence=self._book.source_sequence,
        )
        expected = len(self._book)
        try:
            if anew:
                drained = self._book.everything()
                held = await self._writer.rewrite(pulse, drained.quotes, drained.greeks)
            else:
                held = await self._writer.write(pulse, drained.quotes, drained.greeks)
        except Unavailable as problem:
            if not self.problem:
                _log.warning("%s", problem)
            self._anew, self.problem = True, problem.message
            return
        self._anew = held != expected
        self._shape, self._last, self.problem = shape, time.monotonic(), ""
