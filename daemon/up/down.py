"""``senex down``: stop what ``senex up`` started on this machine, in order, within a bound."""

from __future__ import annotations

import json
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
import psutil

from daemon.embedded import EmbeddedServices
from senex.command_line import run_command
from senex.config import CommonSettings, instance_folder, load
from senex.domain.errors import Unavailable, UsageProblem
from senex.here import lock_file, look

if TYPE_CHECKING:
    from pathlib import Path

_LOOK = 0.05
_AFTER_KILL = 30.0
_MODULE = "daemon.up"


@dataclass(frozen=True, slots=True)
class Ended:
    """What was stopped: ``forced`` when it did not stop by itself in time."""

    was_running: bool
    pid: int | None = None
    forced: bool = False


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    help="Seconds to stop in; then it is ended.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(*, timeout: float, as_json: bool) -> None:
    """Stop what `senex up` started: nothing new is begun, work under way is finished, then the servers end.

    Where nothing runs there is nothing to do, and that is no error.

    Example: senex down --timeout 30
    """
    instance = load(CommonSettings).instance
    ended = stop(instance, instance_folder(instance), timeout=timeout)
    if as_json:
        click.echo(
            json.dumps(
                {
                    "version": 1,
                    "instance": instance,
                    "was_running": ended.was_running,
                    "pid": ended.pid,
                    "forced": ended.forced,
                }
            )
        )
    elif not ended.was_running:
        click.echo(f"The instance '{instance}' does not run here.", err=True)
    elif ended.forced:
        click.echo(
            f"senex did not stop within {timeout:g} s and was ended; nothing is lost, the next start puts in order "
            "what was under way.",
            err=True,
        )
    else:
        click.echo("senex has stopped.", err=True)


def stop(instance: str, folder: Path, *, timeout: float) -> Ended:
    """Have the starter of the instance end; insist after ``timeout`` seconds.

    Raises:
        Unavailable: ``E_INSTANCE_BUSY``: something else than ``senex up`` runs it.
        UsageProblem: ``E_NOT_YOURS``: another user runs it.
    """
    here = look(instance, folder)
    if not here.running:
        if folder.is_dir():
            EmbeddedServices(instance, root=folder.parent).stop_orphans()
        return Ended(was_running=False)
    starter = _starter(instance, folder)
    _signal(starter, signal.SIGTERM, folder)
    click.echo("senex down: stopping …", err=True)
    if _freed(instance, folder, timeout):
        _gone(starter)
        return Ended(was_running=True, pid=starter.pid)
    _signal(starter, signal.SIGKILL, folder)
    _freed(instance, folder, _AFTER_KILL)  # its parts die with it, and its guard stops the servers
    _stop_orphans(instance, folder)
    return Ended(was_running=True, pid=starter.pid, forced=True)


def _starter(instance: str, folder: Path) -> psutil.Process:
    """The process that holds the instance's lock: whoever has its file open, whatever is written in it."""
    lock = str(lock_file(folder).resolve())
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if any(file.path == lock for file in process.open_files()):
                words = process.cmdline()
                if _MODULE in words:
                    return process
                raise Unavailable(
                    "E_INSTANCE_BUSY",
                    f"The instance '{instance}' is run by another command in process {process.pid} "
                    f"({' '.join(words[1:])}); quit it there.",
                )
    raise UsageProblem(
        "E_NOT_YOURS",
        f"The instance '{instance}' in {folder} is run by another user; have them stop it, or run `senex down` as "
        "that user.",
    )


def _signal(process: psutil.Process, number: signal.Signals, folder: Path) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
    except psutil.AccessDenied as denied:
        raise UsageProblem(
            "E_NOT_YOURS",
            f"Process {process.pid}, which runs {folder}, belongs to another user; have them stop it, or run "
            "`senex down` as that user.",
        ) from denied


def _freed(instance: str, folder: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while look(instance, folder).running:
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK)
    return True


def _gone(process: psutil.Process) -> None:
    """The lock is its last but not its very last: wait for the process too, so that nothing of it is seen."""
    with suppress(psutil.Error):
        process.wait(timeout=5)


def _stop_orphans(instance: str, folder: Path) -> None:
    deadline = time.monotonic() + _AFTER_KILL
    while True:
        try:
            EmbeddedServices(instance, root=folder.parent).stop_orphans()
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(_LOOK)
        else:
            return


if __name__ == "__main__":
    sys.exit(run_command(main, "senex down"))
