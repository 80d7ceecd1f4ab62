"""``senex positions adopt``."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import click

from senex.cli.console import choose, confirm, report, run, timeout_option, yes_option
from senex.cli.output import json_option

if TYPE_CHECKING:
    from senex.bootstrap.console import Console


@click.command()
@click.argument("identifier", metavar="ID")
@click.option(
    "--target",
    type=click.IntRange(0, 100),
    required=True,
    metavar="PERCENT",
    help="Share of its profit at which it is closed; 0 for no target.",
)
@click.option(
    "--time-exit",
    type=click.IntRange(0, 365),
    required=True,
    metavar="DTE",
    help="Days before the expiry from which on it is closed on the ladder.",
)
@click.option("--reason", default="", help="Why; it is recorded.")
@yes_option
@timeout_option
@json_option
def adopt(
    identifier: str, *, target: int, time_exit: int, reason: str, yes: bool, timeout: float, as_json: bool
) -> int:
    """Have senex look after a position that was opened elsewhere.

    Until then it is shown, its strikes are taken, and nothing acts on it.

    Example: senex positions adopt 3f2a9c1e --target 50 --time-exit 21
    """

    async def decide(console: Console) -> int:
        position = choose(await console.reads.positions(), identifier, "position")
        said = f"a {target} % target" if target else "no target"
        trade = f"{position.underlying} {position.strategy}"
        confirm(f"Adopt the {trade} with {said} and its time exit at {time_exit} DTE?", yes=yes)
        share = Decimal(target) / 100 if target else None
        decision = await console.decider.adopt(position, target=share, time_exit=time_exit, reason=reason)
        return report(await console.decider.wait_result(decision, timeout), as_json=as_json)

    return run(decide)
