"""What every process of the daemon does the same: settings, logs, signals, its last word."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog
from pydantic import SecretStr

from daemon import logs
from daemon.secret_files import LOOK_SECONDS, Held
from senex import pulse
from senex.config import DaemonSettings, load, log_folder, secret_files
from senex.config_once import installation
from senex.domain.errors import SenexError
from senex.store.schema import wait_for_schema

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from typing import Any

NAMES = ("worker", "scheduler", "streamer", "relay")
EXPORTER = "exporter"
"""Runs only where it is wanted."""
_FAILED = 1
_ASKED, _GRACE_SECONDS = 2, 3.0
_log = structlog.get_logger("senex.daemon")


def settings_or_exit(process: str) -> DaemonSettings:
    """Read the settings and set up logs; what is missing is said in one sentence."""
    try:
        settings = load(DaemonSettings)
    except SenexError as problem:
        print(problem, file=sys.stderr)  # noqa: T201 - logs are not set up yet
        pulse.complain(process, installation(), str(problem))
        sys.exit(problem.exit_code)
    log_as(settings, process)
    return settings


def log_as(settings: DaemonSettings, process: str) -> None:
    """Set up the logs of the process of that name; a fork takes a name of its own."""
    secrets = [value.get_secret_value() for _, value in settings if isinstance(value, SecretStr)]
    folder = settings.log_dir or (None if settings.log_json else log_folder(settings.instance))
    logs.configure(
        as_json=settings.log_json,
        process=process,
        folder=folder,
        megabytes=settings.log_megabytes,
        secrets=secrets,
    )


def where(settings: DaemonSettings) -> str:
    """Name this installation on this machine, for heartbeats: a process started again keeps its row."""
    return f"{settings.instance}@{socket.gethostname()}"


def run_until_told(
    settings: DaemonSettings, process: str, work: Callable[[], Coroutine[Any, Any, object]]
) -> int:
    """Wait for the schema, then run ``work`` until SIGTERM or SIGINT; answer the exit code."""
    held = Held(secret_files(DaemonSettings))

    async def main() -> None:
        task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel if task else loop.stop)
        async with _watched(held):
            await wait_for_schema(settings.direct_url, _waits(settings, process))
            await work()

    try:
        asyncio.run(main())
    except asyncio.CancelledError:
        return 0
    except BaseException as problem:  # noqa: BLE001 - the process ends here, with one sentence where there is one
        return last_word(settings, process, problem)
    return 0


async def schema_or_end(settings: DaemonSettings, process: str, held: Held) -> None:
    """Wait for the schema; cancelled when a secret changes meanwhile: it may be the one that does not open it."""
    async with _watched(held):
        await wait_for_schema(settings.direct_url, _waits(settings, process))


def _waits(settings: DaemonSettings, process: str) -> Callable[[str], None]:
    """Leave what a process waits for where health looks: it has no heartbeat yet."""
    return lambda why: pulse.complain(process, settings.instance, f"waiting for the database: {why}")


@asynccontextmanager
async def _watched(held: Held) -> AsyncIterator[None]:
    """Whoever is in the block is cancelled when a secret was changed."""
    watching = asyncio.create_task(_watch(held, asyncio.current_task()))
    try:
        yield
    finally:
        watching.cancel()


async def _watch(held: Held, task: asyncio.Task[Any] | None) -> None:
    """End the process, as a signal does, when a secret it holds was changed; insist where that is not heard."""
    while held.changed() is None:  # noqa: ASYNC110  files tell nobody
        await asyncio.sleep(LOOK_SECONDS)
    for _ in range(_ASKED):
        if task is not None:
            task.cancel()
        await asyncio.sleep(_GRACE_SECONDS)
    _log.warning("did not end when asked, so it is ended; what it did is done again")
    os._exit(_FAILED)


def last_word(settings: DaemonSettings, process: str, problem: BaseException) -> int:
    """Log why a process ends, and leave it where health looks; answer its exit code."""
    first = _first(problem)
    if isinstance(first, SenexError):
        _log.error(first.message, code=first.code)
        pulse.complain(process, settings.instance, str(first))
        return first.exit_code
    _log.error("ended by an error that should not happen", exc_info=first)
    return _FAILED


def _first(problem: BaseException) -> BaseException:
    """Answer the error a group of tasks ended with; ours before others'."""
    if not isinstance(problem, BaseExceptionGroup):
        return problem
    errors = [_first(one) for one in problem.exceptions]
    return next((one for one in errors if isinstance(one, SenexError)), errors[0])
