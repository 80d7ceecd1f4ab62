"""``senex journal``."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import click

from senex.cli.console import account_option, account_or_all, choose_account, run, timeout_option
from senex.cli.output import UNKNOWN, VERSION, json_option, plain, print_json, table

if TYPE_CHECKING:
    from senex.bootstrap.console import Console
    from senex.ports.views import ChainView, DecisionResultView, JournalView, ReplayView

_LOOK_EVERY = 1.0
NOBODY = "deployment"
"""What the chain of no account is called."""


@click.group()
def journal() -> None:
    """What was done, by whom and why; and whether it is still what was written."""


@journal.command("list")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many lines."
)
@click.option("--follow", is_flag=True, help="Go on with what is written from now on, until Ctrl+C.")
@account_option
@json_option
def list_(*, limit: int, follow: bool, number: str | None, as_json: bool) -> None:
    """Print the newest lines of the journal, oldest first; with --follow and --json one line of JSON each.

    Example: senex journal list --limit 20 --follow
    """

    async def read(console: Console) -> None:
        account = await account_or_all(console, number)
        found = await console.reads.journal(account_id=account, limit=limit)
        if not follow:
            _print(found, as_json=as_json)
            return
        last = 0
        while True:
            for line in found:
                last = line.serial
                click.echo(
                    json.dumps({"version": VERSION, **plain(line)}) if as_json else "  ".join(_row(line))
                )
            await asyncio.sleep(_LOOK_EVERY)
            found = await console.reads.journal(account_id=account, after=last, limit=10_000)

    run(read)


@journal.command()
@click.option(
    "--messages",
    is_flag=True,
    help="Have the daemon lead the orders of the last week through the broker's raw messages, too.",
)
@account_option
@timeout_option
@json_option
def verify(*, messages: bool, number: str | None, timeout: float, as_json: bool) -> int:
    """Read every line and every seal again, and replay every change of a suggestion, order, attempt and position.

    Exit 1 when history is not what was sealed, or leads elsewhere than the books say.

    Example: senex journal verify
    """

    async def read(
        console: Console,
    ) -> tuple[tuple[ChainView, ...], ReplayView, DecisionResultView | None]:
        raw = None
        if messages:
            asked = await console.decider.replay((await choose_account(console, number)).id)
            raw = await console.decider.wait_result(asked, timeout)
        return await console.reads.chains(), await console.reads.replay(), raw

    found, replay, raw = run(read)
    if as_json:
        print_json(chains=found, replay=replay, messages=raw)
    else:
        table(
            ("chain", "seals", "sealed lines", "not sealed yet", "newest seal", "verdict"),
            [_verdict(one) for one in found],
            empty="The journal is empty.",
        )
        led = f"{replay.steps} changes of {replay.objects} suggestions, orders, attempts and positions"
        click.echo(f"Replayed {led}: {replay.broken or 'they lead to what the books say'}.")
        for said in () if raw is None else (raw.message, *raw.reasons):
            click.echo(said)
    if raw is not None and raw.outcome != "done":
        return 1
    return 1 if replay.broken or any(one.broken for one in found) else 0


def _print(found: tuple[JournalView, ...], *, as_json: bool) -> None:
    if as_json:
        print_json(lines=found)
        return
    table(
        ("at (UTC)", "account", "what", "object", "from", "to", "who", "why"),
        [_row(one) for one in found],
        empty="The journal is empty.",
    )


def _row(one: JournalView) -> tuple[str, ...]:
    return (
        f"{one.at:%Y-%m-%d %H:%M:%S}",
        one.account_number or NOBODY,
        one.action,
        f"{one.object_type} {one.object_id[:8]}",
        one.before or "",
        one.after or "",
        one.actor,
        one.why,
    )


def _verdict(one: ChainView) -> tuple[str, ...]:
    return (
        one.account_number or NOBODY,
        str(one.seals),
        str(one.sealed),
        str(one.unsealed),
        (one.digest or UNKNOWN)[:16],
        "holds" if one.broken is None else f"BROKEN: {one.broken}",
    )
