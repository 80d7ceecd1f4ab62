"""The newest prices for a command that looks once."""

from __future__ import annotations

import os
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from senex.bus.connection import open_redis
from senex.bus.quotes import RedisQuotes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from senex.config import ConsoleSettings


@asynccontextmanager
async def open_quotes(settings: ConsoleSettings) -> AsyncIterator[RedisQuotes]:
    """Read the cache, and ask for what is missing, as a console."""
    redis = open_redis(settings.console_redis_url.get_secret_value())
    try:
        yield RedisQuotes(redis, f"{socket.gethostname()}:{os.getpid()}")
    finally:
        await redis.aclose()
