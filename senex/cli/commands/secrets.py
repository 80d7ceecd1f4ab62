"""``senex secrets``."""

from __future__ import annotations

import click

from senex.cli.commands.account import connect_grant
from senex.cli.output import json_option
from senex.cli.programs import TOOLS, run_program


@click.group()
def secrets() -> None:
    """Look after passwords and keys, where their files are."""


@secrets.command()
@json_option
def check(*, as_json: bool) -> None:
    """Look whether every secret is there, closed to others, and opens what it is for; exit 1 when one is not.

    Example: senex secrets check
    """
    run_program(TOOLS["secrets"], ["check", *(["--json"] if as_json else [])])


@secrets.command()
@click.argument("what", type=click.Choice(["database", "redis", "broker", "keys"]))
@click.option(
    "--patience",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    help="Seconds to wait for old sessions to end.",
)
@click.option("--from", "source", metavar="FILE", help="broker: as `senex account connect` takes it.")
@click.option("--live", is_flag=True, help="broker: as `senex account connect` takes it.")
@click.option("--confirm", metavar="NUMBER", help="broker: as `senex account connect` takes it.")
@json_option
def rotate(
    *, what: str, patience: float, source: str | None, live: bool, confirm: str | None, as_json: bool
) -> None:
    """Give new secrets in place of the old, while senex runs; no job and no order is lost.

    The new secret works beside the old one until the daemon's processes have it, then the old one is taken away.
    Open consoles have to be opened again after database and redis. Interrupted, run it again.

    Example: senex secrets rotate database
    """
    if what == "broker":
        connect_grant(live=live, confirm=confirm, source=source, as_json=as_json)
    machine = ["--json"] if as_json else []
    run_program(TOOLS["secrets"], ["rotate", what, "--patience", str(patience), *machine])


@secrets.command()
@click.argument("file")
def key(*, file: str) -> None:
    """Make an encryption key in FILE (mode 0600), for SENEX_ENCRYPTION_KEYS_FILE.

    Example: senex secrets key ~/senex-keys
    """
    run_program(TOOLS["secrets"], ["key", file])
