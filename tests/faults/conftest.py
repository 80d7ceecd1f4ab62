"""One senex for all fault tests: starting it costs more than each of them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest_asyncio

from tests.faults.faults_support import World, open_world
from tests.servers import make_open_folder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def one_world() -> AsyncIterator[World]:
    folder = make_open_folder()
    async with open_world(folder) as world:
        yield world
    shutil.rmtree(folder)


@pytest_asyncio.fixture(loop_scope="session")
async def world(one_world: World) -> AsyncIterator[World]:
    """The running senex, whole again afterwards whatever a test did to it."""
    yield one_world
    await one_world.heal()
