"""``senex db``: as the database's owner."""

from __future__ import annotations

import click

from senex.cli.output import json_option, print_json
from senex.cli.programs import program_command
from senex.config import ConsoleSettings, MigratorSettings, load, login_name
from senex.domain.errors import UsageProblem
from senex.store import migrate as migrations


def _url() -> str:
    return load(MigratorSettings).migrator_database_url.get_secret_value()


def _any_url() -> str:
    """Whoever may look into the database may read its version: the owner's login, else a console's."""
    try:
        return _url()
    except UsageProblem as owner:
        try:
            return load(ConsoleSettings).console_database_url.get_secret_value()
        except UsageProblem:
            raise UsageProblem(
                owner.code,
                "Neither SENEX_MIGRATOR_DATABASE_URL nor SENEX_CONSOLE_DATABASE_URL is set; set one of them: "
                "either may read the database's version.",
            ) from owner


@click.group()
def db() -> None:
    """Roles, migrations and version of the database."""


db.add_command(program_command("db upgrade-server"), "upgrade-server")


@db.command()
def bootstrap() -> None:
    """Make the group roles of the daemon and the consoles; may run at any time.

    Example: senex db bootstrap
    """
    migrations.bootstrap(_url())
    click.echo("The roles are there.", err=True)


@db.command()
@click.option("--operator", metavar="NAME", help="Who becomes a trader (default: the login name).")
@json_option
def migrate(*, operator: str | None, as_json: bool) -> None:
    """Bring the database to the version this senex needs; may run at any time.

    Example: senex db migrate
    """
    revision = migrations.migrate(_url(), operator=operator or login_name())
    if as_json:
        print_json(revision=revision)
    else:
        click.echo(f"The database is at {revision}.", err=True)


@db.command()
@json_option
def status(*, as_json: bool) -> int:
    """Print the database's version and the one this senex needs; exit 1 when they differ.

    The settings of a console do as well as the owner's.

    Example: senex db status --json
    """
    found, needed = migrations.status(_any_url())
    current = found == needed
    if as_json:
        print_json(revision=found, needed=needed, current=current)
    else:
        click.echo(f"database  {found or 'no version yet'}\nneeded    {needed}")
        if not current:
            click.echo("Run `senex db migrate`.", err=True)
    return 0 if current else 1
