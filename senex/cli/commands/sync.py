"""``senex sync``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from senex.cli.console import account_option, choose_account, report, run, timeout_option
from senex.cli.output import json_option

if TYPE_CHECKING:
    from senex.bootstrap.console import Console


@click.command()
@account_option
@timeout_option
@json_option
def sync(*, number: str | None, timeout: float, as_json: bool) -> int:
    """Have the daemon read orders, balances and positions from the broker again.

    Example: senex sync
    """

    async def decide(console: Console) -> int:
        account = await choose_account(console, number)
        decision = await console.decider.sync(account.id)
        return report(await console.decider.wait_result(decision, timeout), as_json=as_json)

    return run(decide)
