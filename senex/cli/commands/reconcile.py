"""``senex reconcile``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from senex.cli.console import account_option, choose_account, report, run, timeout_option
from senex.cli.output import json_option, print_json, table
from senex.domain.errors import UsageProblem

if TYPE_CHECKING:
    from senex.bootstrap.console import Console


@click.command()
@click.option("--dry-run", is_flag=True, help="Only compare; book nothing.")
@click.option(
    "--fix",
    "fixes",
    multiple=True,
    metavar="CATEGORY|SUBJECT",
    help="Mend what is named; may be repeated. An order is cancelled only when its own id is named.",
)
@click.option("--reason", default="", help="Why it is mended; it is recorded.")
@account_option
@timeout_option
@json_option
def reconcile(
    *, dry_run: bool, fixes: tuple[str, ...], reason: str, number: str | None, timeout: float, as_json: bool
) -> int:
    """Make the books agree with the broker, and print what still differs; exit 1 when something does.

    With --dry-run nothing is booked or mended, and --fix says what it would do. A --fix that names neither a
    category nor anything that differs is refused (exit 2), with those there are.

    Example: senex reconcile --dry-run --fix 123456
    """

    async def decide(console: Console) -> int:
        account = await choose_account(console, number)
        decision = await console.decider.reconcile(account.id, dry_run=dry_run, fix=fixes, reason=reason)
        result = await console.decider.wait_result(decision, timeout)
        if result.code == "E_FIX":
            raise UsageProblem(result.code, result.message)
        if result.outcome != "done":
            return report(result, as_json=as_json)
        found = await console.reads.differences(account.id)
        if as_json:
            print_json(result=result, differences=found)
        else:
            click.echo(result.message)
            for line in result.reasons[len(found) :]:
                click.echo(f"  {line}")
            if found:
                table(
                    ("what", "of", "subject", "ours", "the broker's", "to mend it"),
                    [
                        (one.category, one.underlying, one.subject, one.ours, one.theirs, one.fix)
                        for one in found
                    ],
                    empty="",
                )
        return 1 if found else 0

    return run(decide)
