"""A dedicated connection straight to Postgres: for locks, LISTEN, leases and heartbeats.

Session state (an advisory lock, a LISTEN) lives and dies with its connection,
so it must neither be pooled nor pass a pooler. A dead peer is noticed after
about six seconds (keepalive 2 s × 3). Only psycopg is imported: relay and
scheduler stay small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import psycopg

from senex.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from psycopg.abc import PQGen

AsyncConnection = psycopg.AsyncConnection[tuple[Any, ...]]

KEEPALIVE: Mapping[str, Any] = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 2,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 6000,
}
# the server's half of the same: else the locks of a host that was cut off live for two hours
SERVER_KEEPALIVE = (
    "-c tcp_keepalives_idle=2 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3 -c tcp_user_timeout=6000"
)
# leases and heartbeats are hints: losing the last ones in a crash costs an offer, never a fact
_RELAXED = f"{SERVER_KEEPALIVE} -c synchronous_commit=off"
_LOOK_SECONDS = 5.0
_T = TypeVar("_T")


class _Waiting(psycopg.AsyncConnection[tuple[Any, ...]]):
    """Sleeps until something comes: psycopg's own looks ten times a second whether it was interrupted."""

    async def wait(self, gen: PQGen[_T], interval: float = _LOOK_SECONDS, timeout: float | None = None) -> _T:
        """As psycopg's; an event loop is told of an interrupt."""
        return await super().wait(gen, interval, timeout)


async def connect(url: str, *, name: str, durable: bool = False) -> AsyncConnection:
    """Open an autocommit connection; ``name`` shows in pg_stat_activity. Raises Unavailable.

    ``durable`` is for facts (raw messages, work to do): a commit returns once it is on disk.
    """
    options = SERVER_KEEPALIVE if durable else _RELAXED
    try:
        return await _Waiting.connect(
            url, autocommit=True, application_name=f"senex {name}", options=options, **KEEPALIVE
        )
    except psycopg.OperationalError as problem:
        raise away(problem) from problem


def away(problem: psycopg.Error) -> Unavailable:
    """Say in one sentence that Postgres does not answer."""
    why = str(problem).strip().splitlines()
    return Unavailable(
        "E_POSTGRES_AWAY",
        f"Postgres does not answer ({why[0] if why else type(problem).__name__}); senex goes on by itself once it "
        "is back, so check that it runs and that SENEX_DATABASE_DIRECT_URL points to it.",
    )
