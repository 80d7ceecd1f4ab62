"""From settings to collaborators, after the first paint: heavy imports never delay it."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING

from tui.parts import Parts
from tui.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    from senex.config import ConsoleSettings
    from senex.ports.clock import Clock
    from senex.ports.console import Reads
    from senex.ports.views import DifferenceView, EventView


class ReadBooks:
    """The books through the read models."""

    def __init__(self, reads: Reads, clock: Clock) -> None:
        self._reads = reads
        self._clock = clock

    async def snapshot(self) -> Snapshot:
        """Everything the screens show.

        Raises:
            Unavailable: ``E_POSTGRES_AWAY``.
        """
        reads = self._reads
        return Snapshot(
            accounts=await reads.accounts(self._clock.now()),
            sources=await reads.sources(),
            processes=await reads.processes(),
            suggestions=await reads.suggestions(limit=50),
            orders=await reads.orders(),
            positions=await reads.positions(),
            alarms=await reads.alarms(),
            schedule=await reads.schedule(self._clock.now()),
            queues=await reads.queues(),
            failing=await reads.jobs(states=("failing",)),
            notices=await reads.notifications(),
            loaded=time.monotonic(),
        )

    async def differences(self, account_id: UUID) -> tuple[DifferenceView, ...]:
        """What the last comparison found.

        Raises:
            Unavailable: ``E_POSTGRES_AWAY``.
        """
        return await self._reads.differences(account_id)

    async def events(self, order_id: UUID) -> tuple[EventView, ...]:
        """The life of an order.

        Raises:
            Unavailable: ``E_POSTGRES_AWAY``.
        """
        return await self._reads.order_events(order_id)


@asynccontextmanager
async def connect() -> AsyncIterator[Parts]:
    """Settings, then the real collaborators, closed at the end.

    Raises:
        UsageProblem: ``E_CONFIG_MISSING``, ``E_CONFIG_VALUE``, ``E_CONFIG_FILE``, ``E_KEYS``.
        Unavailable: ``E_CLOCK_AWAY``.
    """
    config = await asyncio.to_thread(import_module, "senex.config")
    bootstrap = await asyncio.to_thread(import_module, "senex.bootstrap.live_console")
    settings: ConsoleSettings = config.load(config.ConsoleSettings)
    async with bootstrap.open_live_console(settings) as built:
        yield Parts(
            books=ReadBooks(built.reads, built.clock),
            decider=built.decider,
            bus=built.bus,
            clock=built.clock,
            environment=settings.environment.value,
            operator=settings.operator,
            exports=config.instance_folder(settings.instance) / "exports",
            keys=settings.keys,
            idle_minutes=settings.idle_lock_minutes,
        )
