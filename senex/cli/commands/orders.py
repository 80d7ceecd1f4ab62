"""``senex orders``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from senex.cli.console import (
    account_option,
    account_or_all,
    ask_passphrase,
    choose,
    confirm,
    report,
    run,
    timeout_option,
    yes_option,
)
from senex.cli.output import UNKNOWN, json_option, price, print_json, short, table
from senex.services.live import new_limit, order_money

if TYPE_CHECKING:
    from senex.bootstrap.console import Console
    from senex.ports.views import EventView, OrderView


@click.group()
def orders() -> None:
    """What was sent; cancel or replace it."""


@orders.command("list")
@click.option("--status", "statuses", multiple=True, help="Only these; may be given several times.")
@account_option
@json_option
def list_(*, statuses: tuple[str, ...], number: str | None, as_json: bool) -> None:
    """Print orders, newest first.

    Example: senex orders list --status working --status unknown
    """

    async def read(console: Console) -> tuple[OrderView, ...]:
        account = await account_or_all(console, number)
        return await console.reads.orders(account_id=account, statuses=statuses or None)

    found = run(read)
    if as_json:
        print_json(orders=found)
        return
    table(
        ("id", "account", "what", "limit", "filled at", "in force", "status", "broker", "updated (UTC)"),
        [_row(one) for one in found],
        empty="There are no such orders.",
    )


@orders.command()
@click.argument("identifier", metavar="ID")
@json_option
def show(identifier: str, *, as_json: bool) -> None:
    """Print one order with its life as a timeline.

    Example: senex orders show 3f2a9c1e
    """

    async def read(console: Console) -> tuple[OrderView, tuple[EventView, ...]]:
        found = await _find(console, identifier)
        return found, await console.reads.order_events(found.id)

    order, events = run(read)
    if as_json:
        print_json(order=order, events=events)
        return
    _show(order)
    click.echo()
    table(
        ("at (UTC)", "what", "from", "to", "who", "why"),
        [
            (f"{one.at:%m-%d %H:%M:%S}", one.action, one.before or "", one.after or "", one.actor, one.why)
            for one in events
        ],
        empty="Nothing has happened to it.",
    )


@orders.command()
@click.argument("identifier", metavar="ID")
@click.option("--reason", default="", help="Why; it is recorded.")
@yes_option
@timeout_option
@json_option
def cancel(identifier: str, *, reason: str, yes: bool, timeout: float, as_json: bool) -> int:
    """Ask the broker to cancel an order; a fill may still come first.

    Example: senex orders cancel 3f2a9c1e --yes
    """

    async def decide(console: Console) -> int:
        order = await _find(console, identifier)
        confirm(f"Cancel the {order.underlying} {_kind(order)} at {price(order.limit_price)}?", yes=yes)
        decision = await console.decider.cancel(order, reason=reason)
        return report(await console.decider.wait_result(decision, timeout), as_json=as_json)

    return run(decide)


@orders.command()
@click.argument("identifier", metavar="ID")
@click.option("--limit", "told", required=True, metavar="PRICE", help="The new limit per share, like 1.25.")
@click.option("--reason", default="", help="Why; it is recorded.")
@yes_option
@timeout_option
@json_option
def replace(identifier: str, *, told: str, reason: str, yes: bool, timeout: float, as_json: bool) -> int:
    """Give a working order another limit; a fill may still come first.

    The price has the order's direction: what is paid stays paid. An entry stays inside its approved band.

    Example: senex orders replace 3f2a9c1e --limit 1.25 --yes
    """

    async def decide(console: Console) -> int:
        order = await _find(console, identifier)
        limit = new_limit(order, told)
        now, then = order_money(order, order.limit_price), order_money(order, limit)
        does = "Receive" if then > 0 else "Pay"
        confirm(
            f"{does} ${abs(then):,.2f} instead of ${abs(now):,.2f} for the {order.underlying} {_kind(order)} "
            f"({price(limit)} instead of {price(order.limit_price)})?",
            yes=yes,
        )
        passphrase = ask_passphrase(str(console.settings.environment))
        decision = await console.decider.replace(order, limit, reason=reason, passphrase=passphrase)
        return report(await console.decider.wait_result(decision, timeout), as_json=as_json)

    return run(decide)


async def _find(console: Console, identifier: str) -> OrderView:
    return choose(await console.reads.orders(), identifier, "order")


def _kind(one: OrderView) -> str:
    return f"{one.kind} {one.spread_key}" if one.spread_key else one.kind


def _row(one: OrderView) -> tuple[str, ...]:
    return (
        short(one.id),
        one.account_number,
        f"{one.underlying} {_kind(one)}",
        price(one.limit_price),
        price(one.fill_price),
        one.time_in_force,
        one.status,
        one.broker_order_id or UNKNOWN,
        f"{one.updated_at:%m-%d %H:%M:%S}",
    )


def _show(one: OrderView) -> None:
    why = one.reject_reason or one.attempt_message
    facts = (
        ("order", f"{one.underlying} {_kind(one)}, {one.status}"),
        ("limit", price(one.limit_price)),
        ("filled at", price(one.fill_price)),
        ("market then", f"natural {price(one.natural_at_fill)}, opposite {price(one.opposite_at_fill)}"),
        ("broker", f"{one.broker_order_id or UNKNOWN} ({one.broker_status or UNKNOWN})"),
        ("sent as", f"{one.external_identifier or UNKNOWN} ({one.attempt_status or UNKNOWN})"),
        *((("why", why),) if why else ()),
        ("id", str(one.id)),
    )
    table(("", ""), facts, empty="")
    click.echo()
    table(
        ("leg", "action", "quantity", "filled"),
        [(leg.symbol, leg.action, str(abs(leg.quantity)), str(leg.filled)) for leg in one.legs],
        empty="",
    )
