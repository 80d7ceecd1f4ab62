"""The workers as one family of processes, with the heavy modules imported once in the parent."""

from __future__ import annotations

import asyncio

from daemon.handlers import HANDLERS
from daemon.processes import last_word, log_as, schema_or_end, where
from daemon.runner import Means
from daemon.secret_files import Held
from daemon.worker import serve
from senex.bootstrap.daemon import build
from senex.broker.session import preload
from senex.config import DaemonSettings, secret_files
from senex.domain.errors import SenexError


def main(settings: DaemonSettings) -> int:
    """Be the parent of the workers of every queue."""
    held = Held(secret_files(DaemonSettings))
    try:
        asyncio.run(schema_or_end(settings, "worker", held))
    except asyncio.CancelledError:
        return 0
    except SenexError as problem:
        return last_word(settings, "worker", problem)
    preload()
    means = Means(
        direct_url=settings.direct_url,
        environment=settings.environment,
        build=lambda: build(settings),
        handlers=HANDLERS,
        warm=lambda context: context.units.plan(context.clock.now()),
    )
    return serve(
        means,
        redis_url=settings.redis_url.get_secret_value(),
        host=where(settings),
        concurrency=settings.queue_workers,
        log_as=lambda name: log_as(settings, name),
        end_by=lambda problem: last_word(settings, "worker", problem),
        ending=held.changed,
    )
