"""``senex pnl``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from senex.cli.console import account_option, account_or_all, run
from senex.cli.output import UNKNOWN, gain, json_option, money, print_json, table
from senex.services.pnl import BY, summed, total

if TYPE_CHECKING:
    from datetime import datetime

    from senex.bootstrap.console import Console
    from senex.ports.views import GainView, PnlView


@click.command()
@click.option("--by", type=click.Choice(BY), default="day", show_default=True, help="What a line stands for.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="From this New York day on.")
@account_option
@json_option
def pnl(*, by: str, since: datetime | None, number: str | None, as_json: bool) -> None:
    """Print what was realised, from the broker's transactions: before fees, fees, after fees, and in R.

    A dash: a transaction of the broker's has not come yet, or the risk at entry is not known.

    Example: senex pnl --by strategy --since 2026-06-01
    """

    async def read(console: Console) -> tuple[GainView, ...]:
        account = await account_or_all(console, number)
        return await console.reads.gains(account_id=account, since=None if since is None else since.date())

    gains = run(read)
    lines, whole = summed(gains, by), total(gains)
    if as_json:
        print_json(lines=lines, total=whole)
        return
    table(
        (by, "trades", "gross", "fees", "net", "R"),
        [_row(one, by) for one in (*lines, whole)] if lines else (),
        empty="Nothing was realised.",
    )


def _row(one: PnlView, by: str) -> tuple[str, ...]:
    name = (
        f"{one.key[:8]} {one.label}" if by in ("position", "spread") and one.key != one.label else one.label
    )
    r_multiple = UNKNOWN if one.r_multiple is None else f"{one.r_multiple:+}"
    return name, str(one.trades), gain(one.gross), money(one.fees), gain(one.net), r_multiple
