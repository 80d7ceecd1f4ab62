"""One senex for all fault tests: starting it costs more than each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio

from tests.faults.faults_support import World, open_world
from tests.faults.load import LIMITS, OPERATORS
from tests.servers import server_folder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def one_world() -> AsyncIterator[World]:
    with server_folder() as folder:
        async with open_world(folder) as world:
            yield world


@pytest_asyncio.fixture(loop_scope="session")
async def world(one_world: World) -> AsyncIterator[World]:
    """The running senex, whole again afterwards whatever a test did to it."""
    yield one_world
    await one_world.heal()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def own_world() -> AsyncIterator[World]:
    """A senex of a test's own, which is another afterwards, for operators who work on all of its accounts."""
    with server_folder() as folder:
        async with open_world(folder, accounts=OPERATORS, **LIMITS) as world:
            yield world
