"""``senex health``: what container health checks ask, and what an operator asks first.

Asked of a process of this machine it looks at its pulse first, and imports next to nothing: checks are made all day.
"""

from __future__ import annotations

import click

from senex import pulse
from senex.cli.output import json_option
from senex.config_once import installation
from senex.domain.machine import PROCESSES, SERVICES


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
    if service in PROCESSES and here and not ready and not as_json:
        beat = pulse.age(service, installation())
        if beat is not None:
            click.echo(f"{service} lives: heartbeat {beat:.0f} s ago.")
            return 0
    from senex.cli.health_report import report  # noqa: PLC0415  heavy, and most checks end above

    return report(service, here=here, ready=ready, as_json=as_json)
