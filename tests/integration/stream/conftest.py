"""Servers of the bus and streamer tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from senex.bus.connection import open_redis
from tests.integration.stream.stream_support import redis_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from redis.asyncio import Redis

    from tests.integration.stream.stream_support import RedisServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis the test may kill."""
    with redis_server(tmp_path) as one:
        yield one


@pytest.fixture
async def redis(server: RedisServer) -> AsyncIterator[Redis]:
    """A client of it."""
    async with open_redis(server.url) as client:
        yield client
