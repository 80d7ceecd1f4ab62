"""``senex health``: what an operator asks first, and health checks ask where ``senex.cli.quick`` has no answer."""

from __future__ import annotations

import asyncio
import re
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from senex import pulse
from senex.cli.output import json_option, print_json, table
from senex.config import ConsoleSettings, DaemonSettings, load
from senex.config_once import installation
from senex.domain.errors import SenexError, UsageProblem
from senex.domain.parts import PROCESSES, SERVICES
from senex.services.health import UNSEEN, dead, judge, judge_redis, living, unseen
from senex.store.health import look

if TYPE_CHECKING:
    from collections.abc import Sequence

    from senex.ports.views import HealthView, ProcessView, Vitals


def _urls() -> tuple[str, str]:
    """Postgres and Redis as either role: a daemon's container knows one's addresses, a console the other's."""
    try:
        console = load(ConsoleSettings)
    except UsageProblem as problem:
        if problem.code != "E_CONFIG_MISSING":
            raise
        daemon = load(DaemonSettings)
        return daemon.direct_url, daemon.redis_url.get_secret_value()
    return console.console_database_url.get_secret_value(), console.console_redis_url.get_secret_value()


@click.command()
@click.argument("service", required=False, type=click.Choice(SERVICES))
@click.option("--here", is_flag=True, help="Only a process on this host counts.")
@click.option("--ready", is_flag=True, help="Exit 1 also when SERVICE lives and is of no use yet.")
@json_option
def health(*, service: str | None, here: bool, ready: bool, as_json: bool) -> int:
    """Print how every part of senex is; exit 1 when one is not well.

    With SERVICE only that one: exit 0 when it lives, 1 when it does not.

    Example: senex health worker --here
    """
    database, redis = _urls()
    seen: Vitals | None = None
    if service == "redis":
        return _one(_redis(redis), seen, ready=ready, as_json=as_json)
    try:
        seen = asyncio.run(look(database))
    except SenexError as problem:
        found = list(unseen(str(problem), answers=isinstance(problem, UsageProblem)))
    else:
        if here:
            seen = _of_this_host(seen)
        found = list(judge(seen))
    found = [_with_last_word(one) for one in found]
    if service is not None:
        named = next(one for one in found if one.name == service)
        return _one(named, seen, ready=ready, as_json=as_json)
    return _all([found[0], _redis(redis), *found[1:]], seen, as_json=as_json)


def _of_this_host(seen: Vitals) -> Vitals:
    host = [socket.gethostname()]
    here = tuple(one for one in seen.processes if re.split("[@:/]", one.instance)[1:2] == host)
    return replace(seen, processes=here)


def _with_last_word(found: HealthView) -> HealthView:
    """What is not there may have left on this machine why it cannot work, or what it waits for."""
    if found.alive or found.name not in PROCESSES:
        return found
    why = pulse.complaint(found.name, installation())
    return found if why is None else replace(found, detail=f"{found.detail}; here it last said: {why}")


def _redis(url: str) -> HealthView:
    from senex.bus.health import look_at_redis  # noqa: PLC0415  a check of another service needs no Redis client

    try:
        return judge_redis(look_at_redis(url))
    except SenexError as problem:
        return dead("redis", str(problem))


def _one(found: HealthView, seen: Vitals | None, *, ready: bool, as_json: bool) -> int:
    if as_json:
        processes: Sequence[ProcessView] | None = ()
        if found.name in PROCESSES:  # unknown is not none; the detail says why
            processes = None if seen is None else living(seen.processes, found.name)
        print_json(
            name=found.name, alive=found.alive, ready=found.ready, detail=found.detail, processes=processes
        )
    else:
        state = "lives" if found.ready else "lives and is not ready" if found.alive else "is not there"
        click.echo(f"{found.name} {state}: {found.detail}.", err=not found.alive)
    return 0 if found.alive and (found.ready or not ready) else 1


def _all(found: list[HealthView], seen: Vitals | None, *, as_json: bool) -> int:
    why = f"What is scheduled is {UNSEEN}."
    if as_json:
        print_json(
            services=found,
            jobs=None if seen is None else seen.jobs,
            jobs_why=why if seen is None else None,
        )
    else:
        words = {True: "yes", False: "NO"}
        rows = [(one.name, words[one.alive], words[one.ready], one.detail) for one in found]
        table(("service", "lives", "ready", "detail"), rows, empty="")
        click.echo()
        table(
            ("job", "last done", "waiting", "rule (New York)"),
            [
                (
                    one.name,
                    "never" if one.done_age is None else f"{one.done_age:.0f} s ago",
                    str(one.waiting),
                    one.rule if one.enabled else f"paused ({one.rule})",
                )
                for one in (() if seen is None else seen.jobs)
            ],
            empty=why if seen is None else "No job is scheduled.",
        )
    return 0 if all(one.alive and one.ready for one in found) else 1
