"""Starts ``senex up`` behind this terminal, shows what it says, and leaves once everything runs."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import click

from daemon.embedded.places import make_places
from daemon.embedded.storage import storage_errors
from senex.command_line import DEBUG, Options
from senex.config import child_environment
from senex.domain.errors import Unavailable
from senex.here import look
from senex.machine import server_account

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import IO

    from senex.config import UpSettings

_WITHIN = 240.0
_LOOK = 0.05
_GRACE = 30.0


def start_behind(settings: UpSettings, words: Sequence[str], *, as_json: bool) -> int:
    """Start it; answer its exit code where it ends, 0 once it runs.

    Raises:
        Unavailable: ``E_INSTANCE_BUSY``, ``E_UP_START``.
    """
    places = make_places(settings.instance, None, server_account())
    here = look(settings.instance, places.root)
    if here.running:
        where = f" in process {here.pid}" if here.pid else ""
        remedy = "`senex down` stops it" if here.program == "up" else "quit it there"
        raise Unavailable(
            "E_INSTANCE_BUSY",
            f"The instance '{settings.instance}' is already running{where}; {remedy}, or choose another name with "
            "SENEX_INSTANCE.",
        )
    log = places.logs / "up.log"
    with storage_errors(places.root):
        log.touch(mode=0o600)
        with log.open("rb") as told, log.open("ab") as sink:
            told.seek(0, os.SEEK_END)
            child = subprocess.Popen(
                [sys.executable, *_as_this(), "-m", "daemon.up", "--foreground", "--json", *words],
                env=child_environment("up"),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=sink,
                start_new_session=True,
            )
            return _wait(child, told, as_json=as_json)


def _as_this() -> tuple[str, ...]:
    """As this process was started: with the current folder on its path or without, with tracebacks or without."""
    safe = ("-P",) if sys.flags.safe_path else ()
    return (*safe, "-X", DEBUG) if Options().debug else safe


def _wait(child: subprocess.Popen[bytes], told: IO[bytes], *, as_json: bool) -> int:
    assert child.stdout is not None  # noqa: S101  a pipe was asked for
    deadline = time.monotonic() + _WITHIN
    line = b""
    try:
        while not line.endswith(b"\n"):
            if select.select([child.stdout], [], [], _LOOK)[0]:
                part = os.read(child.stdout.fileno(), 65536)
                if not part:
                    break
                line += part
            _pass_on(told)
            _refuse_late(deadline, told.name)
    except BaseException:
        child.terminate()
        child.wait(timeout=_GRACE)
        _pass_on(told)
        raise
    if not line.endswith(b"\n"):
        code = child.wait(timeout=_GRACE)
        _pass_on(told)
        return code or 1
    _pass_on(told)
    if as_json:
        click.echo(line.decode().rstrip("\n"))
    else:
        here = json.loads(line)["instance"]
        click.echo(
            f"senex runs ({here['environment']}, instance {here['instance']}, process {here['pid']}): `senex tui` "
            "opens the console, `senex down` stops it."
        )
    return 0


def _refuse_late(deadline: float, log: str) -> None:
    if time.monotonic() > deadline:
        raise Unavailable(
            "E_UP_START", f"senex has not come up within {_WITHIN:.0f} s and was stopped; its log is {log}."
        )


def _pass_on(told: IO[bytes]) -> None:
    sys.stderr.buffer.write(told.read())
    sys.stderr.flush()
