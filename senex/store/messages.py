"""Keeps the status and raw body of every call to the broker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

import psycopg

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from senex.ports.clock import Clock

_RECORD = """
INSERT INTO broker_message (id, at, source, method, path, status, external_identifier, body)
VALUES (%s, %s, 'rest', %s, %s, %s, %s, %s)
"""


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
        values = (
            exchange.method,
            exchange.path,
            exchange.status,
            exchange.external_identifier,
            exchange.body,
        )
        async with self._engine.connect() as connection:
            raw = await connection.get_raw_connection()
            driver: psycopg.AsyncConnection[Any] = raw.driver_connection  # type: ignore[assignment]
            try:
                await driver.execute(_RECORD, (uuid4(), self._clock.now(), *values))
            except psycopg.OperationalError:
                if driver.closed:
                    await connection.invalidate()
                raise
