"""``senex health``: what container health checks ask."""

from __future__ import annotations

import asyncio
import socket

import click

from senex.cli.output import json_option, print_json
from senex.config import ConsoleSettings, DaemonSettings, load
from senex.domain.errors import UsageProblem
from senex.store.health import beating


def _url() -> str:
    """Either role's: a daemon's container knows one address, a console the other."""
    try:
        return load(ConsoleSettings).console_database_url.get_secret_value()
    except UsageProblem as problem:
        if problem.code != "E_CONFIG_MISSING":
            raise
    return load(DaemonSettings).direct_url


@click.command()
@click.argument("name", type=click.Choice(["worker", "scheduler", "streamer", "relay"]))
@click.option("--here", is_flag=True, help="Only a process on this host counts.")
@json_option
def health(*, name: str, here: bool, as_json: bool) -> int:
    """Exit 0 when the process NAME of the daemon lives, 1 when it does not.

    Example: senex health worker --here
    """
    found = asyncio.run(beating(_url(), name, socket.gethostname() if here else None))
    if as_json:
        print_json(name=name, alive=bool(found), processes=found)
    elif not found:
        click.echo(f"No {name} has said within 5 s that it lives; look at its log.", err=True)
    else:
        click.echo(f"{name} lives: heartbeat {min(one.age for one in found):.0f} s ago.")
    return 0 if found else 1
