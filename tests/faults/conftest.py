"""One senex for all fault tests: starting it costs more than each of them."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest_asyncio

from tests.faults.faults_support import World, open_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def one_world() -> AsyncIterator[World]:
    folder = _make_folder()
    async with open_world(folder) as world:
        yield world
    shutil.rmtree(folder)


@pytest_asyncio.fixture(loop_scope="session")
async def world(one_world: World) -> AsyncIterator[World]:
    """The running senex, whole again afterwards whatever a test did to it."""
    yield one_world
    await one_world.heal()


def _make_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix=f"senex-test-{os.geteuid()}-faults-"))
    if os.geteuid() == 0:
        folder.chmod(0o755)  # the servers run as an unprivileged account
    return folder
