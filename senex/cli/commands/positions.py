"""``senex positions``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from senex.cli.commands.live_prices import market_of
from senex.cli.commands.position_adopt import adopt
from senex.cli.commands.position_exits import close, stop, targets
from senex.cli.console import account_option, account_or_all, choose, run
from senex.cli.output import (
    UNKNOWN,
    gain,
    json_option,
    money,
    plain,
    price,
    print_json,
    share_price,
    short,
    table,
)
from senex.domain.unknown import Unknown, known
from senex.services.live import position_live

if TYPE_CHECKING:
    from typing import Any

    from senex.bootstrap.console import Console
    from senex.ports.views import PositionView
    from senex.services.live import PositionLive

_Held = tuple["PositionView", "PositionLive"]


@click.group()
def positions() -> None:
    """What is held, with its targets; close it."""


for command in (close, targets, stop, adopt):
    positions.add_command(command)


@positions.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that are closed.")
@account_option
@json_option
def list_(*, everything: bool, number: str | None, as_json: bool) -> None:
    """Print positions with what they would bring if closed at mid now.

    Example: senex positions list --json
    """

    async def read(console: Console) -> list[_Held]:
        account = await account_or_all(console, number)
        if everything:
            found = await console.reads.positions(account_id=account, statuses=None)
        else:
            found = await console.reads.positions(account_id=account)
        return await _live(console, found)

    held = run(read)
    if as_json:
        print_json(positions=[_data(*one) for one in held])
        return
    table(
        ("id", "account", "trade", "expiry", "units", "status", "P&L open", "net", "R", "risk", "targets"),
        [_row(*one) for one in held],
        empty="Nothing is held.",
    )


@positions.command()
@click.argument("identifier", metavar="ID")
@json_option
def show(identifier: str, *, as_json: bool) -> None:
    """Print one position with spreads, legs and targets.

    Example: senex positions show 3f2a9c1e
    """

    async def read(console: Console) -> _Held:
        found = choose(await console.reads.positions(statuses=None), identifier, "position")
        return (await _live(console, (found,)))[0]

    position, live = run(read)
    if as_json:
        print_json(position=_data(position, live))
        return
    click.echo(f"{position.underlying} {position.strategy} × {position.units}, {position.status}\n")
    ended = f", {position.closure_reason}" if position.closure_reason else ""
    risk = UNKNOWN if position.r_multiple is None else f"{position.r_multiple:+} R"
    click.echo(
        f"Realized {gain(position.realized)} before fees, {gain(position.realized_net)} after, {risk}; "
        f"fees so far {money(position.fees)}{ended}{'' if position.managed else '; senex does not look after it'}.\n"
    )
    _say_exits(position, live)
    rows = []
    for spread in position.spreads:
        now = live.spreads[spread.key]
        target = spread.target
        rows.append(
            (
                spread.key,
                price(spread.credit),
                price(known(now.close)),
                gain(known(now.pnl)),
                gain(spread.realized_net),
                UNKNOWN if target is None else f"{price(target.limit_price)} ({target.status})",
            )
        )
    table(("spread", "opened", "close now", "P&L", "net", "target"), rows, empty="")
    click.echo()
    table(
        ("spread", "leg", "quantity", "opened at", "mark"),
        [
            (
                lot.spread_key,
                lot.symbol,
                f"{lot.quantity:+d}",
                share_price(lot.price),
                share_price(known(live.legs[lot.spread_key, lot.symbol].mark)),
            )
            for spread in position.spreads
            for lot in spread.lots
        ],
        empty="No leg is open.",
    )


def _say_exits(position: PositionView, live: PositionLive) -> None:
    """When its ladder goes on, and what is being closed for which reason."""
    if live.next_exit is not None:
        ahead = live.next_exit
        click.echo(f"Next exit: step {ahead.step} of {ahead.steps} of its ladder on {ahead.day:%a %d %b}.\n")
    closing = [(spread.key, spread.exit) for spread in position.spreads if spread.exit is not None]
    for key, wish in closing:
        click.echo(f"Closing {key} ({wish.cause.replace('_', ' ')}): {wish.why}.\n")


async def _live(console: Console, found: tuple[PositionView, ...]) -> list[_Held]:
    market = await market_of(console, found)
    now = console.clock.now()
    return [(one, position_live(one, market, now)) for one in found]


def _data(position: PositionView, live: PositionLive) -> dict[str, Any]:
    """The position as JSON; what is not known is null."""
    shown: dict[str, Any] = plain(position)
    shown["pnl_open"] = plain(known(live.pnl))
    shown["close_now"] = plain(known(live.close))
    shown["stale"] = live.stale
    shown["next_exit"] = plain(live.next_exit)
    shown["pnl_open_why"] = live.pnl.why if isinstance(live.pnl, Unknown) else None
    return shown


def _row(position: PositionView, live: PositionLive) -> tuple[str, ...]:
    working = sum(1 for one in position.spreads if one.target is not None and one.target.status == "working")
    return (
        short(position.id),
        position.account_number,
        f"{position.underlying} {position.strategy}",
        position.expiry.isoformat(),
        str(position.units),
        position.status,
        gain(known(live.pnl)) + (" (stale)" if live.stale and not isinstance(live.pnl, Unknown) else ""),
        gain(position.realized_net),
        UNKNOWN if position.r_multiple is None else f"{position.r_multiple:+}",
        money(position.initial_risk),
        f"{working} of {len(position.spreads)} working",
    )
