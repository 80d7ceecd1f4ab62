"""``senex broker``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from senex.cli.console import account_option, choose_account, report, run, timeout_option
from senex.cli.output import json_option, print_json, table

if TYPE_CHECKING:
    from senex.bootstrap.console import Console

_REFUSED = "refused"


@click.group()
def broker() -> None:
    """The broker senex is connected to."""


@broker.command()
@click.option("--symbol", default="SPY", show_default=True, help="The underlying whose contracts are named.")
@account_option
@timeout_option
@json_option
def probe(*, symbol: str, number: str | None, timeout: float, as_json: bool) -> int:
    """Have every order shape senex sends tried by the broker's dry run; exit 1 when it would refuse one.

    Nothing is sent. In LIVE, begin with this.

    Example: senex broker probe --symbol QQQ
    """

    async def decide(console: Console) -> int:
        account = await choose_account(console, number)
        decision = await console.decider.probe_broker(account.id, symbol)
        result = await console.decider.wait_result(decision, timeout)
        if result.outcome != "done":
            return report(result, as_json=as_json)
        said = [tuple(line.split(": ", 2)) for line in result.reasons]
        if as_json:
            print_json(
                result=result,
                shapes=[dict(zip(("shape", "verdict", "why"), line, strict=True)) for line in said],
            )
        else:
            click.echo(result.message)
            table(("shape", "the broker's answer", "why"), said, empty="")
        return 1 if any(verdict == _REFUSED for _, verdict, _ in said) else 0

    return run(decide)
