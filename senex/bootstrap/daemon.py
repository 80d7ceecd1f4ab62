"""Builds what the daemon's use cases work with."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

from senex.bootstrap.access import broker_access
from senex.bootstrap.machine import ThisMachine, folders
from senex.broker.gateway import open_gateway
from senex.bus.clock import open_clock
from senex.bus.connection import open_redis
from senex.bus.logins import RedisLoginPause
from senex.bus.publisher import RedisPublisher
from senex.bus.quotes import RedisQuotes
from senex.outside.channels import AppriseNotifier, read_channels
from senex.services.context import Context
from senex.store.engine import open_engine
from senex.store.messages import MessageLog
from senex.store.unit_of_work import PostgresUnits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from senex.config import DaemonSettings


@asynccontextmanager
async def build(settings: DaemonSettings) -> AsyncIterator[Context]:
    """Open the pool, the broker's session, Redis and the clock; close them all at the end.

    Raises:
        Unavailable: ``E_CLOCK_AWAY`` when the market clock does not answer.
    """
    async with AsyncExitStack() as stack:
        clock = await asyncio.to_thread(open_clock, settings.clock_url)
        stack.callback(clock.close)
        clock.listen("worker")
        pooled = settings.direct_url != settings.database_url.get_secret_value()
        engine = open_engine(settings.database_url.get_secret_value(), pooled=pooled)
        stack.push_async_callback(engine.dispose)
        direct = open_engine(settings.direct_url, size=2)
        stack.push_async_callback(direct.dispose)
        redis = open_redis(settings.redis_url.get_secret_value())
        stack.push_async_callback(redis.aclose)
        publisher = RedisPublisher(redis)
        stack.push_async_callback(publisher.close)
        access = await asyncio.to_thread(broker_access, settings)
        log = MessageLog(engine, clock)
        pause = RedisLoginPause(redis, access.login)
        gateway = await stack.enter_async_context(
            open_gateway(
                access,
                clock=clock,
                recorder=log.record,
                pause=pause,
                newest=lambda: asyncio.to_thread(broker_access, settings),
            )
        )
        holder = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:6]}"
        yield Context(
            units=PostgresUnits(engine, locks=direct),
            broker=gateway,
            quotes=RedisQuotes(redis, holder),
            publisher=publisher,
            clock=clock,
            environment=settings.environment,
            notifier=_notifier(settings),
            machine=ThisMachine(folders(settings)),
            limits=settings.limit_book(),
            live_accounts=settings.named_accounts,
        )


def _notifier(settings: DaemonSettings) -> AppriseNotifier:
    """The channels of the settings; none where none are set. Raises UsageProblem (``E_CONFIG_VALUE``)."""
    urls = settings.notify_urls
    return AppriseNotifier(read_channels("" if urls is None else urls.get_secret_value()))
