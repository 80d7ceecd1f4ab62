"""The books, read again every second and at once when the bus hints that something changed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from senex.domain.errors import SenexError
from tui.messages import ModelChanged, ModelLost

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from textual.message import Message

    from senex.ports.views import DifferenceView, EventView
    from tui.snapshot import Snapshot

POLL = 1.0
DEADLINE = 2.0


class Books(Protocol):
    """What the model reads."""

    async def snapshot(self) -> Snapshot:
        """Everything the screens show.

        Raises:
            Unavailable: ``E_DATABASE_AWAY``.
        """
        ...

    async def differences(self, account_id: UUID) -> tuple[DifferenceView, ...]:
        """What the last comparison with the broker found."""
        ...

    async def events(self, order_id: UUID) -> tuple[EventView, ...]:
        """The audit trail of an order.

        Raises:
            Unavailable: ``E_POSTGRES_AWAY``.
        """
        ...


class Refresher:
    """Polls the books and posts what it finds; a hint makes it look at once."""

    def __init__(
        self,
        books: Books,
        post: Callable[[Message], object],
        *,
        poll: float = POLL,
        deadline: float = DEADLINE,
    ) -> None:
        self._books = books
        self._post = post
        self._poll = poll
        self._deadline = deadline
        self._hint = asyncio.Event()

    def hint(self) -> None:
        """Something changed: read soon."""
        self._hint.set()

    async def run(self) -> None:
        """Read for ever; an outage is a message and the next try."""
        while True:
            self._hint.clear()
            await self.once()
            try:
                async with asyncio.timeout(self._poll):
                    await self._hint.wait()
            except TimeoutError:
                continue

    async def once(self) -> None:
        """Read now and post the outcome."""
        try:
            async with asyncio.timeout(self._deadline):
                snapshot = await self._books.snapshot()
        except SenexError as problem:
            self._post(ModelLost(problem.message))
        except TimeoutError:
            self._post(ModelLost(f"Postgres has not answered for {self._deadline:.0f} s."))
        else:
            self._post(ModelChanged(snapshot))
