"""All of senex on this machine under this process, until it is told to end."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
import psycopg

from daemon import logs
from daemon.demo.stage import Plot, Stage
from daemon.embedded.processes import last_line
from daemon.lineage import bound
from daemon.processes import EXPORTER, NAMES
from senex.config import Environment
from senex.domain.errors import SenexError, Unavailable, UsageProblem
from senex.here import Here, PartHere, forget, note

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from senex.config import UpSettings

_BEATING_WITHIN = 60.0
_LOOK, _NOTE_EVERY = 0.1, 1.0
_WRONG = 2
LOG_LIMIT = 20_000_000
# first started, last stopped: at the end nothing new is begun, what is begun is finished, and the hints go last
_ORDER = ("streamer", "worker", "relay", "scheduler")
_BEATS = "SELECT DISTINCT split_part(name, ' ', 1) FROM heartbeat WHERE beat_at > clock_timestamp() - interval '5 s'"


async def keep(
    settings: UpSettings,
    given: Mapping[str, str],
    *,
    accounts: Sequence[str],
    seed: int,
    as_json: bool,
    root: Path | None = None,
) -> int:
    """Start everything, say so, keep it running until SIGTERM or SIGINT, and stop it in order.

    Raises:
        SenexError: what it could not start for; then nothing is left running.
    """
    _end_at_signals()
    live = settings.environment is Environment.LIVE
    parts = _ORDER if settings.metrics_address is None else (*_ORDER, EXPORTER)

    async def permit(environment: Mapping[str, str]) -> None:
        if live:
            await _check_accounts(environment, accounts)

    plot = Plot(
        instance=settings.instance,
        seed=seed,
        root=root,
        parts=parts,
        settings={**given, "SENEX_LIVE_ACCOUNT": ",".join(accounts)} if live else given,
        environment=settings.environment,
        permit=None if settings.environment is Environment.SIMULATED else permit,
    )
    stage = Stage(plot, narrate=_say)
    folder: Path | None = None
    try:
        async with stage:
            folder = stage.services.root
            since = datetime.now(UTC).isoformat(timespec="seconds")  # noqa: TID251  machine time, for people
            logs.configure(as_json=False, process="up", folder=stage.logs)
            await _beating(stage)
            told = _told(stage, settings, since)
            note(folder, told)
            _announce(told, stage, as_json=as_json)
            os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whoever read the announcement has gone
            await _watch(stage, settings, since)
    except asyncio.CancelledError:
        return 0 if folder is not None else 1
    finally:
        if folder is not None:
            forget(folder)
    return 0


async def _watch(stage: Stage, settings: UpSettings, since: str) -> None:
    """Keep the note true and the parts' output short, for ever."""
    before = None
    while True:
        stage.check()
        told = _told(stage, settings, since)
        if told != before:
            with suppress(OSError):  # a full disk costs a note, nothing else
                note(stage.services.root, told)
                before = told
        for log in stage.logs.glob("*.log"):
            with suppress(OSError):
                shorten(log)
        await asyncio.sleep(_NOTE_EVERY)


def shorten(log: Path) -> None:
    """Begin a part's output anew once it is long; what was in it stays beside it, as the servers keep no other log."""
    if log.stat().st_size <= LOG_LIMIT:
        return
    old = log.with_suffix(".old")
    try:
        shutil.copy(log, old)  # whoever writes holds the file itself
    except OSError:  # a full disk is worse than lost lines
        old.unlink(missing_ok=True)
    os.truncate(log, 0)


async def _beating(stage: Stage) -> None:
    """Return once every process of the daemon beats.

    Raises:
        UsageProblem: what a process says it cannot work with.
        Unavailable: ``E_UP_START``.
    """
    deadline = asyncio.get_running_loop().time() + _BEATING_WITHIN
    while missing := set(NAMES) - await asyncio.to_thread(_beats, stage.urls.owner):
        wrong = next((one for one in sorted(missing) if stage.troupe[one].ended.get(one) == _WRONG), None)
        late = asyncio.get_running_loop().time() > deadline
        if wrong is not None or late:
            name = wrong or min(missing)
            said = last_line(stage.logs / f"{name}.log")
            kind = Unavailable if wrong is None else UsageProblem
            raise kind(
                "E_UP_START", f"The {name} does not come up: {said}; its log is {stage.logs / name}.log."
            )
        await asyncio.sleep(_LOOK)


def _beats(url: str) -> set[str]:
    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            return {name for (name,) in connection.execute(_BEATS)}
    except psycopg.Error:
        return set()


async def _check_accounts(environment: Mapping[str, str], named: Sequence[str]) -> None:
    """The login reaches the accounts that were named.

    Raises:
        SenexError: what the broker's login says; ``E_UP_ACCOUNT``.
    """
    _say("asking the broker which accounts the login reaches")
    asking = await asyncio.create_subprocess_exec(
        *bound([sys.executable, "-m", "daemon.up.accounts"]),
        env=dict(environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asking.communicate()
    answer = json.loads(out or b"{}")
    if "code" in answer:
        kind = {2: UsageProblem, 3: Unavailable}.get(answer["exit"], SenexError)
        raise kind(answer["code"], answer["message"])
    reached = set(answer.get("accounts", ()))
    if not set(named) <= reached:
        listed = ", ".join(sorted(reached)) or "no open account"
        raise UsageProblem(
            "E_UP_ACCOUNT",
            f"Nothing was started: {', '.join(named)} was named and the login reaches {listed}; name one it reaches, "
            "or use another login.",
        )


def _told(stage: Stage, settings: UpSettings, since: str) -> Here:
    parts = [
        PartHere(
            name=name,
            pid=supervisor.living.get(name),
            starts=supervisor.starts.get(name, 0),
            last_exit=supervisor.ended.get(name),
        )
        for name, supervisor in stage.troupe.items()
    ]
    parts += [
        PartHere(name=title, pid=pid, starts=starts, last_exit=None)
        for title, pid, starts in stage.services.servers()
    ]
    return Here(
        instance=settings.instance,
        folder=str(stage.services.root),
        running=True,
        program="up",
        pid=os.getpid(),
        environment=str(settings.environment),
        since=since,
        parts=tuple(sorted(parts, key=lambda one: one.name)),
    )


def _announce(here: Here, stage: Stage, *, as_json: bool) -> None:
    """One line on stdout, and nothing there after it."""
    if as_json:
        click.echo(json.dumps({"version": 1, "instance": asdict(here), "account": stage.account or None}))
    else:
        click.echo(f"senex runs ({here.environment}, instance {here.instance}, process {here.pid}).")
    sys.stdout.flush()


def _end_at_signals() -> None:
    """End at the first signal; the ones after it would only disturb the stopping."""
    me = asyncio.current_task()
    told: list[bool] = []

    def end() -> None:
        if not told and me is not None:
            told.append(True)
            me.cancel()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, end)


def _say(line: str) -> None:
    click.echo(f"senex up: {line} …", err=True)
