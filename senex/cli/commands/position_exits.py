"""``senex positions close|targets|stop``: how a position ends."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from senex.cli.commands.live_prices import market_of
from senex.cli.console import choose, confirm, report, run, timeout_option, yes_option
from senex.cli.output import gain, json_option, price, print_json, table
from senex.domain.errors import UsageProblem
from senex.domain.money import number_in
from senex.domain.unknown import Unknown
from senex.services.live import close_value, position_live

if TYPE_CHECKING:
    from senex.bootstrap.console import Console
    from senex.ports.views import PositionSpreadView, PositionView

reason_option = click.option("--reason", default="", help="Why; it is recorded.")


class Price(click.ParamType[Decimal]):
    """A signed price: what is paid is negative."""

    name = "price"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """The exact number."""
        number = number_in(str(value))
        return self.fail(f"{value!r} is not a price.", param, ctx) if number is None else number


@click.command()
@click.argument("identifier", metavar="ID")
@click.option("--spread", "key", metavar="KEY", help="Only this spread, as `positions show` names it.")
@click.option(
    "--limit",
    type=Price(),
    metavar="PRICE",
    help="Signed, per spread: -1.20 pays 1.20. Else at natural, followed.",
)
@click.option("--excess", is_flag=True, help="Only what a broken ratio left beyond whole spreads.")
@reason_option
@yes_option
@timeout_option
@json_option
def close(
    identifier: str,
    *,
    key: str | None,
    limit: Decimal | None,
    excess: bool,
    reason: str,
    yes: bool,
    timeout: float,
    as_json: bool,
) -> int:
    """Close a position, or one spread of it, with a DAY limit at natural or at a price of yours.

    Its targets are cancelled first and set again should the close not fill. Out of session it waits for the next one.

    Example: senex positions close 3f2a9c1e --spread put-1 --limit -1.20
    """

    async def decide(console: Console) -> int:
        position = await _find(console, identifier)
        spreads = _chosen(position, key)
        if not yes:
            confirm(await _consequences(console, position, spreads, limit), yes=yes)
        decision = await console.decider.close(
            position, spread_key=key, limit=limit, excess=excess, reason=reason
        )
        return report(await console.decider.wait_result(decision, timeout), as_json=as_json)

    return run(decide)


@click.command()
@click.argument("identifier", metavar="ID")
@click.option("--restore", is_flag=True, help="Set those again that are missing, also those you cancelled.")
@reason_option
@timeout_option
@json_option
def targets(identifier: str, *, restore: bool, reason: str, timeout: float, as_json: bool) -> int:
    """Print the profit targets of a position, or set them again.

    Example: senex positions targets 3f2a9c1e --restore
    """

    async def decide(console: Console) -> int:
        position = await _find(console, identifier)
        if restore:
            decision = await console.decider.restore_targets(position, reason=reason)
            return report(await console.decider.wait_result(decision, timeout), as_json=as_json)
        if as_json:
            print_json(targets=[{"spread": each.key, "target": each.target} for each in position.spreads])
            return 0
        rows = [
            (
                each.key,
                "none planned" if each.target_share is None else f"{each.target_share:.0%}",
                price(each.target.limit_price if each.target else None),
                each.target.status if each.target else "",
            )
            for each in position.spreads
        ]
        table(("spread", "share", "limit", "status"), rows, empty="")
        return 0

    return run(decide)


@click.command()
@click.argument("identifier", metavar="ID")
@click.option(
    "--orders", type=click.Choice(["on", "off"]), required=True, help="Whether it may send an order."
)
@reason_option
@timeout_option
@json_option
def stop(identifier: str, *, orders: str, reason: str, timeout: float, as_json: bool) -> int:
    """Let the stop of a position close it at natural, or only sound an alarm (which it does from the start).

    Example: senex positions stop 3f2a9c1e --orders on
    """

    async def decide(console: Console) -> int:
        position = await _find(console, identifier)
        decision = await console.decider.set_stop(position, orders=orders == "on", reason=reason)
        return report(await console.decider.wait_result(decision, timeout), as_json=as_json)

    return run(decide)


async def _find(console: Console, identifier: str) -> PositionView:
    return choose(await console.reads.positions(), identifier, "open position")


def _chosen(position: PositionView, key: str | None) -> list[PositionSpreadView]:
    """The open spreads that were named.

    Raises:
        UsageProblem: ``E_SPREAD``, naming those there are.
    """
    found = [spread for spread in position.spreads if key in (None, spread.key)]
    if not found:
        known = ", ".join(spread.key for spread in position.spreads)
        raise UsageProblem("E_SPREAD", f"The position has no spread {key!r}; it has {known}.")
    return found


async def _consequences(
    console: Console, position: PositionView, spreads: list[PositionSpreadView], limit: Decimal | None
) -> str:
    """What closing will do in money, as far as quotes say."""
    market, now = await market_of(console, (position,)), console.clock.now()
    lots = [lot for spread in spreads for lot in spread.lots]
    value = close_value(lots, market, now, limit=limit)
    live = position_live(position, market, now)
    gains = [live.spreads[spread.key].pnl for spread in spreads if spread.lots]
    known = [each for each in gains if not isinstance(each, Unknown)]
    result = gain(sum(known, Decimal(0))) if len(known) == len(gains) else "unknown"
    money = f"unknown ({value.why})" if isinstance(value, Unknown) else gain(value)
    how = "at natural" if limit is None else f"at {limit}"
    keys = ", ".join(spread.key for spread in spreads if spread.lots)
    return f"Close {position.underlying} {position.strategy} {keys} {how}: {money}; open result now {result}?"
