"""What the TUI is built of: a console that also follows market time and the bus."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from senex.bootstrap.console import open_console
from senex.bus.clock import open_clock
from senex.bus.console import ConsoleBus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from senex.bus.clock import FollowedClock, WallClock
    from senex.config import ConsoleSettings
    from senex.ports.console import Reads
    from senex.services.decisions import Decider


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveConsole:
    """The collaborators of one TUI."""

    reads: Reads
    decider: Decider
    bus: ConsoleBus
    clock: WallClock | FollowedClock


@asynccontextmanager
async def open_live_console(settings: ConsoleSettings) -> AsyncIterator[LiveConsole]:
    """Follow the clock, then build the rest; nothing else is connected before it is used.

    Raises:
        Unavailable: ``E_CLOCK_AWAY`` when the market clock does not answer.
    """
    async with AsyncExitStack() as stack:
        clock = await asyncio.to_thread(open_clock, settings.clock_url)
        stack.push_async_callback(asyncio.to_thread, clock.close)
        console = await stack.enter_async_context(open_console(settings, clock=clock))
        holder = f"console:{socket.gethostname()}:{os.getpid()}"
        bus = ConsoleBus(settings.console_redis_url.get_secret_value(), holder)
        stack.push_async_callback(bus.close)
        yield LiveConsole(reads=console.reads, decider=console.decider, bus=bus, clock=clock)
