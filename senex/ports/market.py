"""Live prices as services see them, and hints to consoles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection

    from senex.domain.quotes import Market


class Quotes(Protocol):
    """The newest quotes of the stream, read through Redis."""

    async def snapshot(self, symbols: Collection[str]) -> Market:
        """What is known now of these streamer symbols; may lack some.

        Raises:
            Unavailable: ``E_REDIS_AWAY``.
        """
        ...

    async def wanted(self, symbols: Collection[str], *, timeout: float) -> Market:
        """Ask the streamer for these symbols (a lease) and wait until all are there and live.

        Returns what is known after ``timeout`` seconds of machine time at the latest.

        Raises:
            Unavailable: ``E_REDIS_AWAY``.
        """
        ...


class Publisher(Protocol):
    """Tells consoles that something changed; a hint, never a fact, and never an error."""

    async def changed(self, kind: str, account_id: str, object_id: str) -> None:
        """Say that an object of ``kind`` (suggestion, order, position, account, state) changed."""
        ...
