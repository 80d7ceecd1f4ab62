"""``senex status``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from senex.cli.console import run
from senex.cli.output import json_option, money, print_json, table
from senex.config import CommonSettings, console_settings_given, instance_folder, load
from senex.domain.errors import SenexError, Unavailable
from senex.here import look

if TYPE_CHECKING:
    from senex.bootstrap.console import Console
    from senex.here import Here
    from senex.ports.views import AccountView, ProcessView, SourceView

LATE = 5.0


@click.command()
@json_option
def status(*, as_json: bool) -> int:
    """Print accounts, freshness and the daemon's processes; exit 1 when something needs a look.

    Example: senex status --json
    """
    here = _here()
    try:
        return run(lambda console: _status(console, here, as_json=as_json))
    except SenexError:
        if here is None:
            raise
        if as_json:
            print_json(instance=here)
        elif here.running:
            _print_parts(here)
        if not here.running:  # what a killed one left behind leads nowhere
            raise _does_not_run(here) from None
        raise


def _here() -> Here | None:
    """What runs on this machine, unless the settings lead elsewhere."""
    instance = load(CommonSettings).instance
    given = console_settings_given()
    return None if given else look(instance, instance_folder(instance))


def _does_not_run(here: Here) -> Unavailable:
    was = "was ended by force" if here.killed else "does not run"
    return Unavailable(
        "E_NOT_RUNNING",
        f"The instance '{here.instance}' {was} on this machine (its data is in {here.folder}); `senex up` starts it, "
        "and a setting of SENEX_CONSOLE_DATABASE_URL leads to one elsewhere.",
    )


async def _status(console: Console, here: Here | None, *, as_json: bool) -> int:
    now = console.clock.now()
    accounts = await console.reads.accounts(now)
    sources = await console.reads.sources()
    processes = await console.reads.processes()
    alarms = await console.reads.alarms()
    problems = [
        *(f"{one.text} [{one.code}]" for one in alarms),
        *_of_accounts(accounts),
        *_of_sources(sources),
        *_of_processes(processes),
        *_of_parts(here),
    ]
    environment = str(console.settings.environment)
    if as_json:
        print_json(
            environment=environment,
            instance=here,
            market_time=now,
            accounts=accounts,
            alarms=alarms,
            sources=sources,
            processes=processes,
            problems=problems,
        )
        return 1 if problems else 0
    click.echo(f"{environment.upper()} · market time {now:%Y-%m-%d %H:%M:%S} UTC\n")
    table(
        ("account", "state", "ready", "net liq", "open risk", "budget", "approvals", "working", "unknown"),
        [_row(account) for account in accounts],
        empty="No account has been read yet.",
    )
    click.echo()
    table(
        ("source", "fresh", "at (UTC)", "detail"),
        [(one.source, "yes" if one.ok else "NO", f"{one.at:%H:%M:%S}", one.detail) for one in sources],
        empty="No source has reported yet.",
    )
    click.echo()
    table(
        ("process", "where", "heartbeat", "detail"),
        [(one.name, one.instance, f"{one.age:.0f} s ago", one.detail) for one in processes],
        empty="No process of the daemon runs.",
    )
    if here is not None and here.parts:
        click.echo()
        _print_parts(here)
    for problem in problems:
        click.echo(f"! {problem}", err=True)
    return 1 if problems else 0


def _print_parts(here: Here) -> None:
    click.echo(f"{here.program or 'senex'} in process {here.pid} since {here.since}, data in {here.folder}")
    table(
        ("part", "process", "started"),
        [(one.name, "ended" if one.pid is None else str(one.pid), f"{one.starts} ×") for one in here.parts],
        empty="What runs of it is not known.",
    )


def _row(account: AccountView) -> tuple[str, ...]:
    return (
        account.number,
        account.trading_state,
        "yes" if account.ready else f"no: {account.ready_reason}",
        money(account.net_liquidation),
        money(account.open_risk),
        money(account.risk_budget),
        str(account.approvals),
        str(account.working_orders),
        str(account.unknown_orders),
    )


def _of_accounts(accounts: tuple[AccountView, ...]) -> list[str]:
    found = [] if accounts else ["no account has been read yet"]
    for account in accounts:
        if account.unknown_orders:
            found.append(f"{account.number}: the outcome of {account.unknown_orders} order(s) is unknown")
        if not account.ready:
            found.append(f"{account.number} sends nothing yet: {account.ready_reason}")
        if account.trading_state != "active":
            found.append(f"{account.number} is {account.trading_state}: {account.state_reason}")
    return found


def _of_sources(sources: tuple[SourceView, ...]) -> list[str]:
    return [f"{one.source} is not fresh: {one.detail}" for one in sources if not one.ok]


def _of_parts(here: Here | None) -> list[str]:
    """Servers and simulator have no heartbeat; their keeper says how they are."""
    return [
        f"{one.name} has ended and is started again"
        for one in (here.parts if here else ())
        if one.pid is None
    ]


def _of_processes(processes: tuple[ProcessView, ...]) -> list[str]:
    """A process that began anew elsewhere has a new row; only the newest row of a name counts."""
    newest: dict[str, float] = {}
    for one in processes:
        newest[one.name] = min(one.age, newest.get(one.name, one.age))
    late = [f"{name} has not been heard for {age:.0f} s" for name, age in newest.items() if age > LATE]
    return late or ([] if processes else ["the daemon does not run"])
