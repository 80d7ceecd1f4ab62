"""Builds what a console works with: reads, decisions, the bus, the clock. No broker, ever.

The TUI and the scripted commands share it. Imports are light (psycopg,
redis); nothing here opens a connection before it is used, the clock excepted.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import socket
import sys
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from senex.bus.clock import open_clock
from senex.bus.connection import open_redis
from senex.bus.leases import Lease
from senex.bus.quotes import RedisQuotes
from senex.bus.subscriber import Feed
from senex.domain.errors import SenexError
from senex.services.decisions import Decider
from senex.store.decisions import Decisions
from senex.store.queries import Reads

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Collection

    from senex.bus.clock import FollowedClock, WallClock
    from senex.bus.subscriber import BusEvent
    from senex.config import ConsoleSettings


class ConsoleBus:
    """Redis as a console uses it: follow the frames, lease symbols, read quotes once."""

    def __init__(self, url: str, holder: str) -> None:
        self._redis = open_redis(url)
        self._feed = Feed(url)
        self._lease = Lease(self._redis, holder)
        self.quotes = RedisQuotes(self._redis, holder)

    def events(self) -> AsyncGenerator[BusEvent, None]:
        """Joined, Lost, frames and hints, for ever."""
        return self._feed.events()

    async def lease(self, symbols: Collection[str]) -> None:
        """Ask the streamer for these symbols; it lapses by itself.

        Raises:
            Unavailable: ``E_REDIS_AWAY``.
        """
        await self._lease.keep(symbols)

    async def close(self) -> None:
        """Give the lease back where that is possible."""
        with suppress(SenexError):
            await self._lease.release()
        await self._redis.aclose()


@dataclass(frozen=True, kw_only=True, slots=True)
class Console:
    """The collaborators of one console."""

    reads: Reads
    decider: Decider
    bus: ConsoleBus
    clock: WallClock | FollowedClock


@asynccontextmanager
async def open_console(settings: ConsoleSettings) -> AsyncIterator[Console]:
    """Everything a console needs, closed at the end.

    Raises:
        Unavailable: ``E_CLOCK_AWAY`` when the market clock does not answer.
    """
    clock = await asyncio.to_thread(open_clock, settings.clock_url)
    url = settings.console_database_url.get_secret_value()
    reads, decisions = Reads(url), Decisions(url)
    bus = ConsoleBus(settings.console_redis_url.get_secret_value(), holder())
    decider = Decider(
        decisions=decisions, reads=reads, clock=clock, operator=operator_name(), terminal=terminal_name()
    )
    try:
        yield Console(reads=reads, decider=decider, bus=bus, clock=clock)
    finally:
        await bus.close()
        await decisions.close()
        await reads.close()
        await asyncio.to_thread(clock.close)


def operator_name() -> str:
    """The user of the operating system this process runs as, by its real id, not by what a variable says."""
    try:
        import pwd  # noqa: PLC0415  not on every system

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        return getpass.getuser()


def terminal_name() -> str:
    """Where the operator sits: ``host:/dev/pts/3``, or ``host:no terminal`` for a script."""
    for stream in (sys.__stdin__, sys.__stdout__, sys.__stderr__):
        with suppress(OSError, ValueError, AttributeError):
            return f"{socket.gethostname()}:{os.ttyname(stream.fileno())}"  # type: ignore[union-attr]  # suppressed
    return f"{socket.gethostname()}:no terminal"


def holder() -> str:
    """This process among the leases."""
    return f"console:{socket.gethostname()}:{os.getpid()}"
