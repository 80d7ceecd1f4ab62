"""The workers as one family of processes, with the heavy modules imported once in the parent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from daemon.handlers import HANDLERS
from daemon.processes import last_word, log_as, where
from daemon.runner import Means
from daemon.worker import serve
from senex.bootstrap.daemon import build
from senex.broker.session import preload
from senex.domain.errors import SenexError
from senex.store.schema import wait_for_schema

if TYPE_CHECKING:
    from senex.config import DaemonSettings


def main(settings: DaemonSettings) -> int:
    """Be the parent of the workers of every queue."""
    try:
        asyncio.run(wait_for_schema(settings.direct_url))
    except SenexError as problem:
        return last_word(problem)
    preload()
    means = Means(
        direct_url=settings.direct_url,
        environment=settings.environment,
        build=lambda: build(settings),
        handlers=HANDLERS,
    )
    return serve(
        means,
        redis_url=settings.redis_url.get_secret_value(),
        host=where(settings),
        log_as=lambda name: log_as(settings, name),
    )
