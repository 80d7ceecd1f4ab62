"""Account alerts into Postgres, raw, with the work they lead to.

A stream only makes us look sooner. Alerts missed are lost, so every gap (a
broken connection, a new leader, a Postgres that could not take one) closes the
gate for new orders until a reconcile has read everything over REST.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from senex.domain.errors import Unavailable

if TYPE_CHECKING:
    from typing import Never

    from senex.ports.clock import Clock
    from senex.store.streaming import StreamStore

_log = logging.getLogger(__name__)

_AGAIN = 1.0
_TO_APPLY = frozenset({"Order", ""})
"""Kinds that lead to work: orders, and what could not be read and may have been one."""


class AlertIntake:
    """Takes the alert stream's news (``AlertTaker``)."""

    def __init__(self, store: StreamStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._turn = asyncio.Lock()
        self._gap: str | None = "the streamer has just started"
        self._owed = True
        self._numbers: tuple[str, ...] | None = None
        self.taken = 0
        self.unreadable = 0

    async def subscribed(self, numbers: tuple[str, ...]) -> None:
        """Alerts arrive from here on: ask for the reconcile that makes up for those before."""
        self._numbers = numbers
        self._owed = True
        await self.settle()

    async def interrupted(self, why: str) -> None:
        """Alerts may be missed from here on."""
        self._numbers = None
        await self._missed(f"the alert stream was interrupted ({why})")

    async def take(self, text: str, kind: str, number: str | None) -> None:
        """Store one raw message; it is never dropped because of what is in it."""
        self.taken += 1
        self.unreadable += not kind
        try:
            await self._store.alert(
                text.replace("\x00", "�"),
                kind=kind,
                number=number,
                work=kind in _TO_APPLY,
                now=self._clock.now(),
            )
        except Unavailable as problem:
            _log.warning("an alert could not be stored: %s", problem)
            await self._missed("an alert could not be stored")
            return
        if not kind:
            await self._missed("an alert could not be read")

    async def run(self) -> Never:
        """Settle what Postgres could not take at once, until cancelled."""
        while True:
            await self.settle()
            await asyncio.sleep(_AGAIN)

    async def settle(self) -> None:
        """Close the gate for a gap, and ask for the reconcile once alerts flow again."""
        async with self._turn:
            # taken off before each write: what is missed during it is another gap
            gap, self._gap = self._gap, None
            try:
                if gap is not None:
                    await self._store.unready(gap, self._clock.now())
                    gap, self._owed = None, True  # a gate once closed is opened by a reconcile only
                if self._owed and self._numbers is not None:
                    numbers, self._owed = self._numbers, False
                    # an account not stored yet is owed its reconcile until it is
                    if await self._store.reconcile(numbers) < len(numbers):
                        self._owed = True
            except Unavailable as problem:
                self._gap, self._owed = self._gap or gap, True
                _log.warning("%s", problem)

    async def _missed(self, reason: str) -> None:
        self._gap, self._owed = reason, True
        await self.settle()
