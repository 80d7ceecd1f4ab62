"""``senex db``: as the database's owner."""

from __future__ import annotations

import click

from senex.cli.console import confirm
from senex.cli.output import json_option, print_json
from senex.cli.programs import TOOLS, handed_on, program_command
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
    """Roles, migrations and version of the database; its backups, and what a restore takes."""


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


@db.command()
@click.option("--reason", default="taken over by hand", show_default=True, help="Why; it is in the journal.")
@click.option(
    "--old-is-gone", is_flag=True, help="It certainly runs nowhere: do not wait six minutes for it to hear."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def fence(*, reason: str, old_is_gone: bool, yes: bool, as_json: bool) -> None:
    """Say that this database was restored: take over from the deployment it came of.

    Halts every account, switches automation off, never sends again what may have been sent, and takes the next
    generation, so that the old deployment stops as soon as it looks at the broker. `senex db restore` does it by
    itself; a database restored in another way needs it before the daemon starts.

    Example: senex db fence --reason "restored by the provider"
    """
    from senex.bootstrap.restored import fence_restored  # noqa: PLC0415  heavy, and only this needs it

    confirm("Halt all accounts and take over from the old deployment?", yes=yes)
    settings = load(MigratorSettings)
    done = fence_restored(_url(), environment=settings.environment, reason=reason, old_is_gone=old_is_gone)
    if as_json:
        print_json(
            namespace=done.namespace, accounts=done.accounts, doubtful=done.doubtful, undecided=done.undecided
        )
    else:
        click.echo(
            f"{len(done.accounts)} accounts are halted, {done.doubtful} submissions are in doubt, {done.undecided} "
            "decisions are to be made anew. Revoke the old machine's grant, then start senex and `senex reconcile`.",
            err=True,
        )


for _name, _summary in (
    ("backup", "Take a base backup now; the daemon does so every night."),
    ("restore", "Restore this machine's instance from its backups, and fence the deployment that was lost."),
    ("verify", "Prove that the newest backup restores, on a scratch server."),
    ("escrow", "Seal the keys that no backup holds into a file, with a passphrase."),
):
    db.add_command(handed_on(_name, TOOLS["backup"], _summary, _name))
