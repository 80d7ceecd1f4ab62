"""Heartbeats of the daemon's processes, in Postgres and in Postgres' own time.

Health lives here because Redis may evict its own worker keys.
"""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg

from senex import pulse
from senex.domain.errors import Unavailable
from senex.store.direct import away, connect
from senex.usage import usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from senex.store.direct import AsyncConnection

BEAT_SECONDS = 1.0

_BEAT = """
INSERT INTO heartbeat (name, instance, host, pid, detail, started_at, beat_at, cpu_seconds, resident_bytes)
VALUES (%(name)s, %(instance)s, %(host)s, %(pid)s, %(detail)s, clock_timestamp(), clock_timestamp(),
    %(cpu_seconds)s, %(resident_bytes)s)
ON CONFLICT (name, instance) DO UPDATE SET
    host = excluded.host, detail = excluded.detail, beat_at = excluded.beat_at, pid = excluded.pid,
    cpu_seconds = excluded.cpu_seconds, resident_bytes = excluded.resident_bytes,
    started_at = CASE WHEN heartbeat.pid = excluded.pid AND heartbeat.host = excluded.host
                      THEN heartbeat.started_at ELSE excluded.started_at END
"""
# what a machine that is no more has left behind
_PRUNE = "DELETE FROM heartbeat WHERE name = %s AND beat_at < clock_timestamp() - interval '1 minute'"
_LEAVE = "DELETE FROM heartbeat WHERE name = %s AND instance = %s AND pid = %s AND host = %s"


def _values(name: str, instance: str, detail: str) -> dict[str, str | float | None]:
    used = usage(os.getpid())
    return {
        "name": name,
        "instance": instance,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "detail": detail,
        "cpu_seconds": None if used is None else used.cpu_seconds,
        "resident_bytes": None if used is None else used.resident_bytes,
    }


async def beat(connection: AsyncConnection, name: str, instance: str, detail: str = "") -> None:
    """Say that this process lives, and what it uses. Raises Unavailable."""
    try:
        await connection.execute(_BEAT, _values(name, instance, detail))
    except psycopg.OperationalError as problem:
        raise away(problem) from problem


async def keep_beating(url: str, name: str, instance: str, detail: Callable[[], str] = str) -> None:
    """Beat every second on a connection of its own until cancelled; a lost Postgres is tried again.

    Cancelled, the process leaves no row behind: only what was killed looks lost.
    """
    connection: AsyncConnection | None = None
    try:
        while True:
            with suppress(Unavailable):
                if connection is None or connection.closed:
                    connection = await connect(url, name=f"{name} heartbeat")
                    await connection.execute(_PRUNE, (name,))
                    pulse.content(name, instance)
                await beat(connection, name, instance, detail())
                pulse.touch(name, instance)
            await asyncio.sleep(BEAT_SECONDS)
    finally:
        pulse.forget(name, instance)
        if connection is not None:
            with suppress(psycopg.OperationalError):
                await connection.execute(_LEAVE, (name, instance, os.getpid(), socket.gethostname()))
            await connection.close()
