"""``senex up``: all of senex on this machine, simulated unless told otherwise, until ``senex down``."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import click

from daemon.up.detach import start_behind
from daemon.up.house import keep
from daemon.up.unit import unit
from senex.command_line import INTERRUPTED, run_command
from senex.config import BackupSettings, DaemonSettings, Environment, UpSettings, child_environment, load
from senex.domain.errors import Refused, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

_ITS_OWN = ("database_url", "database_direct_url", "redis_url")
_OF_THE_BROKER = ("broker_", "encryption_", "clock_")


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--foreground", is_flag=True, help="Stay in this terminal; what a service manager wants.")
@click.option(
    "--account",
    "accounts",
    multiple=True,
    metavar="NUMBER",
    help="LIVE only: an account that may open positions with real money; may be given again.",
)
@click.option("--seed", default=7, show_default=True, help="Which simulated market.")
@click.option(
    "--print-unit", is_flag=True, help="Print a systemd user unit that runs it, and do nothing else."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object once everything runs.")
def main(*, foreground: bool, accounts: tuple[str, ...], seed: int, print_unit: bool, as_json: bool) -> int:
    """Start Postgres, Redis and the daemon on this machine, and keep them running; nothing to set up.

    Simulated, with a market of its own, unless SENEX_ENVIRONMENT says sandbox or live. LIVE asks first for the
    number of the account it may open positions in. `senex down` stops it, `senex status` and `senex tui` find it.

    Example: senex up && senex tui
    """
    settings = load(UpSettings)
    if print_unit:
        click.echo(unit(settings, accounts), nl=False)
        return 0
    return _up(settings, foreground=foreground, accounts=accounts, seed=seed, as_json=as_json)


def _up(settings: UpSettings, *, foreground: bool, accounts: Sequence[str], seed: int, as_json: bool) -> int:
    given = _for_the_daemon(settings.environment)
    confirmed = _confirmed(settings.environment, accounts)
    if foreground:
        try:
            return asyncio.run(keep(settings, given, accounts=confirmed, seed=seed, as_json=as_json))
        except asyncio.CancelledError:
            return INTERRUPTED
    words = [word for number in confirmed for word in ("--account", number)]
    return start_behind(settings, [*words, "--seed", str(seed)], as_json=as_json)


def _for_the_daemon(environment: Environment) -> dict[str, str]:
    """The operator's own settings the daemon gets besides those of its database and market.

    Raises:
        UsageProblem: ``E_UP_ELSEWHERE``.
    """
    given = {}
    for name, value in child_environment("daemon").items():
        if not name.startswith("SENEX_"):
            continue
        field = name.removeprefix("SENEX_").removesuffix("_FILE").lower()
        if field in _ITS_OWN:
            raise UsageProblem(
                "E_UP_ELSEWHERE",
                f"{name} is set, but `senex up` brings servers of its own; unset it, or run `senex daemon` on yours.",
            )
        simulated = environment is Environment.SIMULATED and field.startswith(_OF_THE_BROKER)
        known = field in DaemonSettings.model_fields or field in BackupSettings.model_fields
        if known and not simulated:
            given[name] = value
    return given


def _confirmed(environment: Environment, accounts: Sequence[str]) -> tuple[str, ...]:
    """The accounts real money may move in, named by who starts this.

    Raises:
        Refused: ``E_NOT_CONFIRMED``: LIVE, none is named, and there is no terminal to ask at.
    """
    named = tuple(dict.fromkeys(one.strip().upper() for one in accounts))
    if environment is not Environment.LIVE or named:
        return named
    if not sys.stdin.isatty():
        raise Refused(
            "E_NOT_CONFIRMED",
            "Nothing was started: LIVE moves real money, and there is no terminal to ask at; name the account with "
            "--account NUMBER.",
        )
    typed = click.prompt(
        "LIVE moves real money. Type the number of the account it may open positions in",
        default="",
        err=True,
        show_default=False,
    )
    named = tuple(dict.fromkeys(typed.upper().replace(",", " ").split()))
    if not named:
        raise Refused("E_NOT_CONFIRMED", "Nothing was started.")
    return named


if __name__ == "__main__":
    sys.exit(run_command(main, "senex up"))
