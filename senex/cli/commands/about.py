"""``senex version``."""

from __future__ import annotations

import platform

import click

import senex
from senex.cli.output import json_option, print_json


@click.command()
@json_option
def version(*, as_json: bool) -> None:
    """Print the version of senex.

    Example: senex version
    """
    if as_json:
        print_json(senex=senex.__version__, python=platform.python_version())
    else:
        click.echo(f"senex {senex.__version__} on Python {platform.python_version()}")
