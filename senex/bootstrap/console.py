"""The console's composition root: what ``senex tui`` and the scripted commands are built of.

No broker, no daemon secret, and nothing of Redis until somebody asks for it.
"""

from __future__ import annotations

import os
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from senex.bus.clock_once import read_clock
from senex.config import ConsoleSettings, load
from senex.services.decisions import Decider
from senex.store.decisions import Decisions
from senex.store.queries import Reads

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from senex.ports.clock import Clock


@dataclass(frozen=True, kw_only=True, slots=True)
class Console:
    """What a command needs."""

    settings: ConsoleSettings
    reads: Reads
    decider: Decider
    clock: Clock


@asynccontextmanager
async def open_console(
    settings: ConsoleSettings | None = None, *, clock: Clock | None = None
) -> AsyncIterator[Console]:
    """Build a console; nothing is connected until it is used.

    ``clock`` is for those who follow market time; a command asks for it once.

    Raises:
        UsageProblem: ``E_CONFIG_MISSING``, ``E_CONFIG_VALUE``, ``E_CONFIG_FILE``.
        Unavailable: ``E_CLOCK_AWAY``.
    """
    known = load(ConsoleSettings) if settings is None else settings
    clock = read_clock(known.clock_url) if clock is None else clock
    url = known.console_database_url.get_secret_value()
    reads, decisions = Reads(url), Decisions(url)
    decider = Decider(
        decisions=decisions, reads=reads, clock=clock, operator=known.operator, terminal=terminal()
    )
    try:
        yield Console(settings=known, reads=reads, decider=decider, clock=clock)
    finally:
        await reads.close()
        await decisions.close()


def terminal() -> str:
    """Where the operator sits: the terminal's name, or host and process where there is none."""
    for descriptor in (0, 1, 2):
        try:
            return os.ttyname(descriptor)
        except OSError:
            continue
    return f"{socket.gethostname()}:{os.getpid()}"
