"""``senex config`` and ``senex paths``."""

from __future__ import annotations

import click

from senex.cli.output import UNKNOWN, json_option, print_json, table
from senex.config import CommonSettings, instance_folder, load, log_folder
from senex.config_once import config_file
from senex.config_show import settings


@click.group()
def config() -> None:
    """Look at settings."""


@config.command()
@json_option
@click.option("--origin", is_flag=True, help="Say where each value came from.")
def show(*, as_json: bool, origin: bool) -> None:
    """Print every setting this environment gives; secrets are masked.

    Example: senex config show --origin
    """
    found = settings()
    if as_json:
        print_json(settings=found)
        return
    headings = ("setting", "value", *(("origin",) if origin else ()))
    rows = [(one.variable, one.value or UNKNOWN, *((one.origin,) if origin else ())) for one in found]
    table(headings, rows, empty="There are no settings.")


@click.command()
@json_option
def paths(*, as_json: bool) -> None:
    """Print where senex keeps settings, data and logs.

    Example: senex paths --json
    """
    instance = load(CommonSettings).instance
    found = {
        "instance": instance,
        "settings": str(config_file()),
        "data": str(instance_folder(instance)),
        "logs": str(log_folder(instance)),
    }
    if as_json:
        print_json(**found)
    else:
        table(("what", "where"), found.items(), empty="")
