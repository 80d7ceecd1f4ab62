"""``senex notify``."""

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
    some_account,
    timeout_option,
)
from senex.cli.output import json_option, print_json, short, table
from senex.domain.notices import Mode

if TYPE_CHECKING:
    from senex.bootstrap.console import Console
    from senex.ports.views import NotificationView

_MANY = 10_000


@click.group()
def notify() -> None:
    """The inbox, and what you are sent outside of it."""


@notify.command("list")
@click.option("--unseen", is_flag=True, help="Only what nobody has acknowledged.")
@click.option(
    "--limit", type=click.IntRange(1, _MANY), default=20, show_default=True, help="How many, newest first."
)
@account_option
@json_option
def list_(*, unseen: bool, limit: int, number: str | None, as_json: bool) -> None:
    """Print the inbox, newest first.

    Example: senex notify list --unseen
    """

    async def read(console: Console) -> tuple[NotificationView, ...]:
        account = await account_or_all(console, number)
        return await console.reads.notifications(account_id=account, unseen=unseen, limit=limit)

    found = run(read)
    if as_json:
        print_json(notifications=found)
        return
    table(
        ("id", "at (UTC)", "account", "level", "event", "what", "outside", "seen by"),
        [
            (
                short(one.id),
                f"{one.at:%m-%d %H:%M:%S}",
                one.account_number or "",
                one.level,
                one.event,
                one.text.partition("\n")[0],
                _outside(one),
                one.seen_by or "",
            )
            for one in found
        ],
        empty="The inbox is empty.",
    )


@notify.command()
@click.argument("identifier", metavar="ID")
@timeout_option
@json_option
def acknowledge(identifier: str, *, timeout: float, as_json: bool) -> int:
    """Say that you have seen the notice ID, and the alarm it is about.

    Example: senex notify acknowledge 3f2a9c1e
    """

    async def decide(console: Console) -> int:
        notice = choose(await console.reads.notifications(limit=_MANY), identifier, "notice")
        account = (
            await some_account(console)
            if notice.account_number is None
            else (await choose_account(console, notice.account_number)).id
        )
        decision = await console.decider.acknowledge_notice(notice, account)
        return report(await console.decider.wait_result(decision, timeout), as_json=as_json)

    return run(decide)


@notify.command()
@click.argument("wanted", metavar="[MODE]", type=click.Choice([str(one) for one in Mode]), required=False)
@timeout_option
@json_option
def mode(wanted: str | None, *, timeout: float, as_json: bool) -> int:
    """Say what you are sent: none, immediate (each notice) or summary (once a day). Without MODE, print it.

    What is critical is sent in every mode.

    Example: senex notify mode immediate
    """

    async def decide(console: Console) -> int:
        operator = console.settings.operator
        if wanted is None:
            now = await console.reads.notify_mode(operator)
            if as_json:
                print_json(operator=operator, mode=now, result=None)
            else:
                click.echo(now)
            return 0
        decision = await console.decider.set_notify_mode(await some_account(console), wanted)
        answer = await console.decider.wait_result(decision, timeout)
        if as_json and answer.outcome == "done":
            print_json(operator=operator, mode=wanted, result=answer)
            return 0
        return report(answer, as_json=as_json)

    return run(decide)


@notify.command()
@timeout_option
@json_option
def test(*, timeout: float, as_json: bool) -> int:
    """Send a test message to each of your channels; exit 1 when one does not take it.

    Example: senex notify test
    """

    async def decide(console: Console) -> int:
        decision = await console.decider.test_notification(await some_account(console))
        return report(await console.decider.wait_result(decision, timeout), as_json=as_json)

    return run(decide)


def _outside(one: NotificationView) -> str:
    counts = {"sent": one.sent, "owed": one.owed, "lost": one.lost}
    said = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    return f"{said}: {one.problem}" if one.problem else said
