"""``senex summary``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from senex.cli.console import account_option, choose_account, run
from senex.cli.output import json_option, print_json

if TYPE_CHECKING:
    from senex.bootstrap.console import Console
    from senex.ports.views import SummaryView


@click.command()
@click.option(
    "--days", type=click.IntRange(1, 366), default=1, show_default=True, help="How many of the last ones."
)
@account_option
@json_option
def summary(*, days: int, number: str | None, as_json: bool) -> None:
    """Print what the day came to: result, fees, open risk, what was traded, what is ahead, what wants you.

    Made at 16:30 New York time on weekdays; `senex jobs run generate_trading_summary` makes it now.

    Example: senex summary --days 5
    """

    async def read(console: Console) -> tuple[SummaryView, ...]:
        account = await choose_account(console, number)
        return await console.reads.summaries(account.id, limit=days)

    found = run(read)
    if as_json:
        print_json(summaries=found)
        return
    if not found:
        click.echo("No day has been summed up yet; it happens at 16:30 New York time.")
    for one in found:
        click.echo(f"{one.account_number}, {one.day:%a %d %b %Y}\n{one.text}\n")
