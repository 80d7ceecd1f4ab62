"""Keeps the status and raw body of every call to the broker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

from sqlalchemy import insert

from senex.store import tables
from senex.store.repositories.base import table

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from senex.ports.clock import Clock

_message = table(tables.BrokerMessage)
_RECORD = insert(_message)


class Exchange(Protocol):
    """One answered call, as ``senex.broker`` hands it over."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def status(self) -> int: ...
    @property
    def body(self) -> str: ...
    @property
    def external_identifier(self) -> str | None: ...


class MessageLog:
    """Writes exchanges to ``broker_message``, each by itself, durably, in one round trip."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._clock = clock

    async def record(self, exchange: Exchange) -> None:
        """Store one exchange; Postgres' own errors go to the caller, who logs them."""
        async with self._engine.connect() as connection:
            await connection.execute(
                _RECORD,
                {
                    "id": uuid4(),
                    "at": self._clock.now(),
                    "source": "rest",
                    "method": exchange.method,
                    "path": exchange.path,
                    "status": exchange.status,
                    "external_identifier": exchange.external_identifier,
                    "body": exchange.body,
                },
            )
