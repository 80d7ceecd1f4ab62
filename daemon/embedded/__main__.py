"""``python -m daemon.embedded``: the bundled servers alone, in the foreground."""

from __future__ import annotations

import json
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from daemon.embedded.services import EmbeddedServices
from senex.command_line import run_command
from senex.domain.errors import Unavailable

if TYPE_CHECKING:
    from types import FrameType

_instance = click.option(
    "--instance", envvar="SENEX_INSTANCE", default="demo", show_default=True, help="Name."
)
_root = click.option(
    "--root", type=click.Path(path_type=Path), help="Folder of all instances (default: XDG data)."
)


_GUARD_TRIES, _GUARD_PAUSE = 40, 0.05
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    """End the process from wherever it is, once; a blocked signal mask would be inherited by the servers."""
    for number in _STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise SystemExit(0)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Run the bundled Postgres and Redis-protocol server of one instance."""


@main.command()
@_instance
@_root
def run(instance: str, root: Path | None) -> None:
    """Start both, print one JSON line, keep them alive until SIGINT or SIGTERM.

    Example: python -m daemon.embedded run --instance mine
    """
    for number in _STOP_SIGNALS:
        signal.signal(number, _leave)
    services = EmbeddedServices(instance, root=root)
    with services as endpoints:
        services.watch()
        ready = {
            "instance": endpoints.instance,
            "root": str(endpoints.root),
            "postgres": {"host": endpoints.postgres.host, "port": endpoints.postgres.port},
            "redis": {"host": endpoints.redis.host, "port": endpoints.redis.port},
        }
        click.echo(json.dumps(ready))
        sys.stdout.flush()
        while True:
            signal.pause()


@main.command()
@_instance
@_root
def stop(instance: str, root: Path | None) -> None:
    """Stop servers whose starter was killed.

    Example: python -m daemon.embedded stop --instance mine
    """
    EmbeddedServices(instance, root=root).stop_orphans()


@main.command(hidden=True)
@_instance
@_root
def guard(instance: str, root: Path | None) -> None:
    """Wait for SIGTERM, which the kernel sends when the starter was killed; then stop what it left.

    Servers somebody has taken over meanwhile are left alone.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    signal.sigwait({signal.SIGTERM})
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the kernel tells once per thread of the starter
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    servers = EmbeddedServices(instance, root=root)
    for _ in range(_GUARD_TRIES):  # the starter's other threads may hold its lock for a moment longer
        with suppress(Unavailable):
            servers.stop_orphans()
            return
        time.sleep(_GUARD_PAUSE)


if __name__ == "__main__":
    sys.exit(run_command(main, "python -m daemon.embedded"))
