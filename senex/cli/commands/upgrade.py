"""``senex upgrade``: as the database's owner and as an operator, run by the new version."""

from __future__ import annotations

import asyncio
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import click

from senex.bootstrap.console import open_console
from senex.bus.clock_once import read_clock
from senex.cli.console import ask_passphrase, confirm
from senex.cli.output import json_option, print_json
from senex.config import ConsoleSettings, MigratorSettings, load
from senex.domain.errors import Refused, Unavailable
from senex.store import migrate as migrations
from senex.store.schema import refuse_newer
from senex.store.upgrade import REASON, draining

if TYPE_CHECKING:
    from senex.bootstrap.console import Console
    from senex.ports.views import AccountView
    from senex.store.upgrade import Draining

_ANSWER_WITHIN = 120.0


@click.command()
@click.option("--backup/--no-backup", default=True, show_default=True, help="Take a backup before anything.")
@click.option(
    "--restart",
    metavar="COMMAND",
    help="What starts the daemon's processes with the new version, such as 'podman-compose up -d'; without it you "
    "do so when asked.",
)
@click.option(
    "--patience",
    type=click.FloatRange(min=0),
    default=300.0,
    show_default=True,
    help="Seconds to wait for each step.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def upgrade(*, backup: bool, restart: str | None, patience: float, yes: bool, as_json: bool) -> None:
    """Bring a running installation to this version: drain, backup, migrate, restart, reconcile, resume.

    Run it with the new version; it needs the settings of the database's owner and of a console. Entries are held
    back meanwhile, closing orders and cancels are not. The version before runs on the new schema, so it may go on
    until the new one is started, or be started again. Interrupted, run it again.

    Example: senex upgrade --restart "podman-compose up -d"
    """
    url = load(MigratorSettings).migrator_database_url.get_secret_value()
    settings = load(ConsoleSettings)
    found, needed = migrations.status(url)
    refuse_newer(found)
    with draining(url, patience=patience) as hold:
        held = hold.held_back() if found is not None else ()
        if found == needed and not held:
            _tell(found, needed, (), as_json=as_json)
            return
        confirm(f"Upgrade the database from {found or 'nothing'} to {needed}?", yes=yes)
        if found is not None and found != needed:
            _drain(hold, settings, needed)
            if backup:
                migrations.let_back_up(url)
                _run([sys.executable, "-m", "senex", "db", "backup"], "E_UPGRADE_BACKUP", "the backup")
        alive = hold.alive() if found is not None else False
        if alive:
            hold.crew.switch()
        _migrate(url, found)
        _say(f"the database is at {needed}")
        if alive and (found != needed or restart is not None):
            _start(hold, restart)
        resumed = asyncio.run(_resume(hold, str(settings.environment)))
    _tell(found, needed, resumed, as_json=as_json)


def _migrate(url: str, found: str | None) -> None:
    """Apply the migrations, all or none.

    Raises:
        Refused: ``E_UPGRADE_MIGRATE``.
    """
    try:
        migrations.migrate(url)
    except Refused as problem:
        raise Refused(
            "E_UPGRADE_MIGRATE",
            f"{problem.message} The version before goes on at {found or 'nothing'}, but opens no entries: `senex state "
            "set active` lets them out.",
        ) from problem


def _drain(hold: Draining, settings: ConsoleSettings, needed: str) -> None:
    """Nothing new is opened, and what is on its way has arrived. Without a daemon there is nothing to drain."""
    if not hold.alive():
        _say("no daemon runs on this database")
        return
    _say("draining: no entries, and waiting for what is under way")
    clock = read_clock(settings.clock_url)
    hold.stop_entries(settings.operator, clock.now(), needed)
    hold.settle()


def _start(hold: Draining, restart: str | None) -> None:
    """Have every process that ran before be one of this version."""
    if restart is None:
        _say("start the daemon's processes with this version now; waiting for them")
    else:
        _run(shlex.split(restart), "E_UPGRADE_RESTART", f"'{restart}'")
    hold.restarted()


async def _resume(hold: Draining, environment: str) -> tuple[str, ...]:
    """Compare with the broker, then let those accounts trade that the upgrade alone held back; their numbers.

    Raises:
        Refused: ``E_UPGRADE_RECONCILE``, ``E_UPGRADE_RESUME``; Unavailable: ``E_DAEMON_SILENT``.
    """
    numbers, resumed = hold.held_back(), []
    if not numbers:
        return ()
    passphrase = ask_passphrase(environment)
    async with open_console() as console:
        accounts = await console.reads.accounts(console.clock.now())
        for account in (one for one in accounts if one.number in numbers):
            _say(f"comparing {account.number} with the broker")
            await _reconciled(console, account)
            if not hold.may_resume(account.number):
                _say(
                    f"account {account.number} is left as it is, because something else stopped its entries "
                    "meanwhile: see `senex alarms list`, then `senex state set active`"
                )
                continue
            decision = await console.decider.set_state(
                account.id, "active", reason=f"{REASON} is done", passphrase=passphrase
            )
            answer = await console.decider.wait_result(decision, _ANSWER_WITHIN)
            if answer.outcome != "done":
                raise Refused(
                    "E_UPGRADE_RESUME",
                    f"Account {account.number} still only reduces risk: {answer.message}; set it active yourself with "
                    "`senex state set active`.",
                )
            resumed.append(account.number)
    return tuple(resumed)


async def _reconciled(console: Console, account: AccountView) -> None:
    decision = await console.decider.reconcile(account.id, dry_run=False, reason=REASON)
    answer = await console.decider.wait_result(decision, _ANSWER_WITHIN)
    if answer.outcome != "done":
        raise Refused(
            "E_UPGRADE_RECONCILE",
            f"The database is upgraded, but account {account.number} could not be compared with the broker: "
            f"{answer.message} Look at it, then run this again; until then no entries are opened.",
        )


def _run(words: list[str], code: str, what: str) -> None:
    """Run a command to its end; its words go to stderr.

    Raises:
        Unavailable: ``code``.
    """
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
    except OSError as problem:
        raise Unavailable(
            code, f"The upgrade stopped, because {what} could not be run ({problem.strerror})."
        ) from problem
    if done.returncode != 0:
        raise Unavailable(
            code,
            f"The upgrade stopped, because {what} ended with {done.returncode}; mend that and run this again. Until "
            "then no entries are opened; `senex state set active` lets them out.",
        )


def _say(line: str) -> None:
    click.echo(line, err=True)


def _tell(found: str | None, needed: str, held: tuple[str, ...], *, as_json: bool) -> None:
    if as_json:
        print_json(before=found, revision=needed, resumed=list(held))
    elif found == needed and not held:
        _say(f"The database is at {needed} already, and nothing waits to be resumed.")
    else:
        _say(f"Upgraded to {needed}; {len(held)} accounts trade again.")
