"""``senex suggest`` and ``senex suggestions``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from senex.bootstrap.quotes import open_quotes
from senex.cli.console import (
    account_option,
    ask_passphrase,
    choose,
    choose_account,
    confirm,
    report,
    required_reason,
    run,
    timeout_option,
    yes_option,
)
from senex.cli.output import json_option, money, number, plain, price, print_json, short, table
from senex.domain.errors import Refused, Unavailable
from senex.domain.symbols import underlying_symbol
from senex.domain.unknown import Unknown
from senex.services.live import price_suggestion, worst_loss

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from senex.bootstrap.console import Console
    from senex.ports.views import SuggestionView

LOOK = 3.0
"""Seconds to wait for live prices before the stored ones are shown."""


@click.command()
@click.argument("symbol")
@click.option("--strategy", help="Force one strategy.")
@account_option
@timeout_option
@json_option
def suggest(symbol: str, *, strategy: str | None, number: str | None, timeout: float, as_json: bool) -> int:
    """Ask the daemon for a trade in SYMBOL; exit 4 when the rules say no.

    Example: senex suggest QQQ
    """
    wanted = underlying_symbol(symbol)

    async def ask(console: Console) -> int:
        account = await choose_account(console, number)
        decision = await console.decider.suggest(account.id, wanted, strategy)
        answer = await console.decider.wait_result(decision, timeout)
        if answer.suggestion_id is None or answer.outcome != "done":
            return report(answer, as_json=as_json)
        found = await console.reads.suggestion(answer.suggestion_id)
        if found is None or as_json:
            print_json(result=answer, suggestion=found)
        else:
            _show(found)
        return 0

    return run(ask)


@click.group()
def suggestions() -> None:
    """Look at suggestions; approve or reject."""


@suggestions.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that are decided or expired.")
@account_option
@json_option
def list_(*, everything: bool, number: str | None, as_json: bool) -> None:
    """Print suggestions that wait for a decision, newest first.

    Example: senex suggestions list --json
    """

    async def read(console: Console) -> tuple[SuggestionView, ...]:
        account = None if number is None else await choose_account(console, number)
        statuses = None if everything else ["pending"]
        found = await console.reads.suggestions(
            account_id=None if account is None else account.id, statuses=statuses
        )
        now = console.clock.now()
        return tuple(one for one in found if everything or one.expires_at > now)

    found = run(read)
    if as_json:
        print_json(suggestions=found)
        return
    table(
        ("id", "account", "trade", "expiry", "units", "limit", "max loss", "max profit", "score", "status"),
        [_row(one) for one in found],
        empty="Nothing waits for a decision.",
    )


@suggestions.command()
@click.argument("identifier", metavar="ID")
@json_option
def show(identifier: str, *, as_json: bool) -> None:
    """Print one suggestion whole, with its digest.

    Example: senex suggestions show 3f2a9c1e
    """
    found = run(lambda console: _find(console, identifier))
    if as_json:
        print_json(suggestion=found)
    else:
        _show(found)


@suggestions.command()
@click.argument("identifier", metavar="ID")
@click.option("--digest", help="Refuse unless the suggestion still has this digest.")
@yes_option
@timeout_option
@json_option
def approve(identifier: str, *, digest: str | None, yes: bool, timeout: float, as_json: bool) -> int:
    """Approve a suggestion exactly as shown: this sends an order.

    Example: senex suggestions approve 3f2a9c1e --yes
    """

    async def decide(console: Console) -> int:
        found = await _find(console, identifier)
        if digest is not None and digest != found.digest:
            raise Refused(
                "E_SUGGESTION_CHANGED",
                "The suggestion is not the one of that digest; look at it again and decide anew.",
            )
        now_price, shown_at = await _live(console, found)
        if not as_json:
            _show(found)
        confirm(
            f"Send {found.units} × {found.underlying} {found.strategy} at mid, now {price(now_price)} and never worse "
            f"than {price(found.band_low)}: at most {money(worst_loss(found))} at risk?",
            yes=yes,
        )
        passphrase = ask_passphrase(str(console.settings.environment))
        decision = await console.decider.approve(found, shown_at=shown_at, passphrase=passphrase)
        return report(await console.decider.wait_result(decision, timeout), as_json=as_json)

    return run(decide)


@suggestions.command()
@click.argument("identifier", metavar="ID")
@required_reason
@timeout_option
@json_option
def reject(identifier: str, *, reason: str, timeout: float, as_json: bool) -> int:
    """Put a suggestion aside.

    Example: senex suggestions reject 3f2a9c1e --reason "too close to earnings"
    """

    async def decide(console: Console) -> int:
        found = await _find(console, identifier)
        decision = await console.decider.reject(found, reason=reason)
        return report(await console.decider.wait_result(decision, timeout), as_json=as_json)

    return run(decide)


async def _find(console: Console, identifier: str) -> SuggestionView:
    return choose(await console.reads.suggestions(), identifier, "suggestion")


async def _live(console: Console, found: SuggestionView) -> tuple[Decimal, datetime]:
    """What it would bring now and when that was true; the stored price where no live one is to be had."""
    try:
        async with open_quotes(console.settings) as quotes:
            market = await quotes.wanted([leg.streamer for leg in found.legs], timeout=LOOK)
    except Unavailable as problem:
        click.echo(f"No live prices: {problem.message}", err=True)
        return found.limit_price, found.priced_at
    now = console.clock.now()
    pricing = price_suggestion(found, market, now)
    if isinstance(pricing, Unknown):
        click.echo(
            f"No live prices: {pricing.why}; shown as priced at {found.priced_at:%H:%M:%S} UTC.", err=True
        )
        return found.limit_price, found.priced_at
    click.echo(
        f"Now: natural {price(pricing.natural)}, mid {price(pricing.mid)}, opposite {price(pricing.opposite)}.",
        err=True,
    )
    return pricing.mid, pricing.oldest


def _row(one: SuggestionView) -> tuple[str, ...]:
    return (
        short(one.id),
        one.account_number,
        f"{one.underlying} {one.strategy}",
        one.expiry.isoformat(),
        str(one.units),
        price(one.limit_price),
        money(one.max_loss),
        money(one.max_profit),
        number(one.score),
        one.status,
    )


def _show(one: SuggestionView) -> None:
    click.echo(f"{one.underlying} {one.strategy} × {one.units}, expires {one.expiry} ({one.status})\n")
    table(
        ("spread", "leg", "quantity", "target"),
        [
            (
                spread.key,
                leg.symbol,
                f"{leg.quantity:+d}",
                "" if spread.target_share is None else f"{spread.target_share:.0%}",
            )
            for spread in one.spreads
            for leg in spread.legs
        ],
        empty="",
    )
    click.echo()
    facts = (
        ("limit", f"{price(one.limit_price)} (band {price(one.band_low)} to {price(one.band_high)})"),
        ("priced", f"natural {price(one.natural)}, mid {price(one.mid)} at {one.priced_at:%H:%M:%S} UTC"),
        ("max loss", f"{money(one.max_loss)} at the limit, {money(worst_loss(one))} at the end of the band"),
        ("max profit", money(one.max_profit)),
        ("breakevens", ", ".join(plain(one.breakevens))),
        ("closes at", f"{one.time_exit_dte} days to expiry"),
        ("score", number(one.score)),
        ("id", str(one.id)),
        ("digest", one.digest),
    )
    table(("", ""), facts, empty="")
    click.echo()
    table(
        ("points", "why"),
        [("" if why.points is None else f"{why.points:+}", why.text) for why in one.reasons],
        empty="",
    )
