"""A gateway on a simulator of the module's own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from senex.broker.gateway import open_gateway
from senex.bus.clock import open_clock
from tests.contract.gateway.gateway_support import Desk
from tests.simulated import simulated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from senex.broker.recorder import Exchange
    from tests.simulated import Simulated


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulated]:
    """A paused simulator; its faults end with the test that made them."""
    with simulated(tmp_path_factory.mktemp("simulator")) as one:
        yield one


@pytest.fixture
async def desk(simulator: Simulated) -> AsyncIterator[Desk]:
    """A gateway that records."""
    exchanges: list[Exchange] = []

    async def record(exchange: Exchange) -> None:
        exchanges.append(exchange)

    clock = await asyncio.to_thread(open_clock, simulator.ready["clock"])
    try:
        async with open_gateway(simulator.access, clock=clock, recorder=record) as gateway:
            yield Desk(gateway, simulator.account, clock, exchanges)
    finally:
        simulator.heal()
        await asyncio.to_thread(clock.close)
