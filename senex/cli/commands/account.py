"""``senex account``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import click

from senex.cli.console import account_option, choose_account, run
from senex.cli.output import UNKNOWN, json_option, money, print_json, table
from senex.cli.programs import TOOLS, run_program

if TYPE_CHECKING:
    from senex.ports.views import AccountView


@click.group()
def account() -> None:
    """Accounts and their balances."""


@account.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """Print the accounts of the login.

    Example: senex account list
    """
    found = run(lambda console: console.reads.accounts(console.clock.now()))
    if as_json:
        print_json(accounts=found)
        return
    table(
        ("number", "name", "environment", "type", "state", "ready"),
        [_row(one) for one in found],
        empty="No account has been read yet.",
    )


@account.command()
@account_option
@json_option
def balances(*, number: str | None, as_json: bool) -> None:
    """Print balances as last read from the broker.

    Example: senex account balances
    """
    one = run(lambda console: choose_account(console, number))
    shown = {
        "net_liquidation": one.net_liquidation,
        "cash": one.cash,
        "option_buying_power": one.option_buying_power,
        "maintenance": one.maintenance,
        "open_risk": one.open_risk,
        "risk_budget": one.risk_budget,
        "realized_today": one.realized_today,
    }
    if as_json:
        print_json(account=one.number, read_at=one.balances_at, **shown)
        return
    rows = [(name.replace("_", " "), money(value)) for name, value in shown.items()]
    rows.append(("read at", f"{one.balances_at:%Y-%m-%d %H:%M:%S} UTC" if one.balances_at else UNKNOWN))
    table((one.number, ""), rows, empty="")


@account.command()
@click.option("--live", is_flag=True, help="Yes, this is to trade real money.")
@click.option("--confirm", metavar="NUMBER", help="In LIVE, the account's number instead of typing it.")
@click.option(
    "--from",
    "source",
    metavar="FILE",
    help="Read client_secret and refresh_token from a JSON file (mode 0600).",
)
@json_option
def connect(*, live: bool, confirm: str | None, source: str | None, as_json: bool) -> None:
    """Try an OAuth grant of yours at the broker and keep it, encrypted. Needs the daemon's settings.

    The application's secret and the refresh token are asked for, or are two lines of stdin; never give them
    on a command line. In LIVE it takes --live, and the account's number typed.

    Example: senex account connect
    """
    connect_grant(live=live, confirm=confirm, source=source, as_json=as_json)


def connect_grant(*, live: bool, confirm: str | None, source: str | None, as_json: bool) -> NoReturn:
    """Become the program that does so; a broker's secrets are rotated by it too."""
    words = [
        *(("--live",) if live else ()),
        *(("--confirm", confirm) if confirm else ()),
        *(("--from", source) if source else ()),
        *(("--json",) if as_json else ()),
    ]
    run_program(TOOLS["connect"], words)


def _row(one: AccountView) -> tuple[str, ...]:
    ready = "yes" if one.ready else f"no: {one.ready_reason}"
    return one.number, one.nickname, one.environment, one.margin_or_cash, one.trading_state, ready
