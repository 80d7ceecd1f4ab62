"""The connection pool."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import create_async_engine

from senex.store.direct import KEEPALIVE, SERVER_KEEPALIVE
from senex.store.numeric import PlainLoader

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

_PREPARED = 300
"""Statements a connection keeps prepared, from their first use on: more than the use cases have."""
_RENEWED_AFTER = 3600.0
"""Seconds after which a connection is replaced: what is prepared on it is worth keeping."""

# to plan what a case asks takes as long as to run it, and no value changes its plan
_PLANNED_ONCE = "-c plan_cache_mode=force_generic_plan"


def open_engine(url: str, *, size: int = 5, overflow: int = 15, pooled: bool = False) -> AsyncEngine:
    """A pool on ``url``; nothing is connected yet. The connection used last is lent first: it is warm.

    ``pooled`` says that a pooler may stand between: each transaction may then meet another server process,
    which knows nothing of statements that were prepared, so none are; and it has keepalives of its own.
    """
    engine = create_async_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=size,
        max_overflow=overflow,
        pool_recycle=_RENEWED_AFTER,
        pool_use_lifo=True,
        connect_args={**KEEPALIVE, **({} if pooled else {"options": f"{SERVER_KEEPALIVE} {_PLANNED_ONCE}"})},
    )
    event.listen(engine.sync_engine, "connect", _plain if pooled else _prepare)
    event.listen(engine.sync_engine, "checkout", _refuse_dead)
    return engine


def _prepare(connection: Any, record: object) -> None:
    _plain(connection, record)
    connection.driver_connection.prepare_threshold = 0


def _plain(connection: Any, _record: object) -> None:
    driver = connection.driver_connection
    driver.prepared_max = _PREPARED
    driver.prepare_threshold = None
    driver.adapters.register_loader("numeric", PlainLoader)


def _refuse_dead(connection: Any, _record: object, _proxy: object) -> None:
    """A server that went away has closed its sockets: an idle one with something to read is replaced.

    Asking the server itself would cost each unit of work a round trip.
    """
    watch = select.poll()
    watch.register(connection.driver_connection.fileno(), select.POLLIN)
    if watch.poll(0):
        raise DisconnectionError
