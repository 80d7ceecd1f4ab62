"""``senex alarms``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from senex.cli.console import (
    account_option,
    account_or_all,
    choose,
    choose_account,
    report,
    run,
    timeout_option,
)
from senex.cli.output import json_option, print_json, short, table

if TYPE_CHECKING:
    from senex.bootstrap.console import Console
    from senex.ports.views import AlarmView


@click.group()
def alarms() -> None:
    """What wants a person; say that it was seen."""


@alarms.command("list")
@account_option
@json_option
def list_(*, number: str | None, as_json: bool) -> None:
    """Print open alarms, critical ones first.

    Example: senex alarms list
    """

    async def read(console: Console) -> tuple[AlarmView, ...]:
        account = await account_or_all(console, number)
        return await console.reads.alarms(account)

    found = run(read)
    if as_json:
        print_json(alarms=found)
        return
    table(
        ("id", "account", "severity", "since (UTC)", "seen by", "what"),
        [
            (
                short(one.id),
                one.account_number or "",
                one.severity,
                f"{one.raised_at:%m-%d %H:%M:%S}",
                one.seen_by or "",
                f"{one.text} [{one.code}]",
            )
            for one in found
        ],
        empty="There is no alarm.",
    )


@alarms.command()
@click.argument("identifier", metavar="ID")
@click.option("--reason", default="", help="What you did; it is recorded.")
@timeout_option
@json_option
def acknowledge(identifier: str, *, reason: str, timeout: float, as_json: bool) -> int:
    """Say that you have seen an alarm; it stays until what it is about is mended.

    Example: senex alarms acknowledge 3f2a9c1e --reason "looked at the broker's site"
    """

    async def decide(console: Console) -> int:
        alarm = choose(await console.reads.alarms(), identifier, "alarm")
        account = alarm.account_id or (await choose_account(console, None)).id
        decision = await console.decider.acknowledge(alarm, account, reason=reason)
        return report(await console.decider.wait_result(decision, timeout), as_json=as_json)

    return run(decide)
