"""``senex simulator status``: one page of what a running simulator does."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import click

from senex.simulator.commands.clock import described
from senex.simulator.commands.remote import address, ask, where

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

EVERY = 1.0


@click.command("status")
@click.option("--follow", is_flag=True, help="Draw again every second, until interrupted.")
@where
def status(*, follow: bool, as_json: bool, url: str | None, port: int | None, state: Path | None) -> None:
    """Market time, accounts, clients and faults of a running simulator."""
    base = address(url=url, port=port, state=state)
    before: Mapping[str, Any] | None = None
    while True:
        told = ask(base, "GET", "/status")
        text = json.dumps(told) if as_json else page(base, told, before)
        if follow and not as_json:
            click.clear()
        click.echo(text)
        if not follow:
            return
        before = told
        time.sleep(EVERY)


def page(base: str, told: Mapping[str, Any], before: Mapping[str, Any] | None) -> str:
    """The page as text; with the page before it, counts become rates."""
    head = ("account", "cash", "net liq", "buying power", "positions", "working")
    rows = [head] + [
        (
            one["account"],
            _money(one["cash"]),
            _money(one["net-liquidating-value"]),
            _money(one["buying-power"]),
            str(one["positions"]),
            str(one["working-orders"]),
        )
        for one in told["accounts"]
    ]
    widths = [max(len(row[place]) for row in rows) for place in range(len(head))]
    table = [
        "  ".join(
            text.ljust(width) if place == 0 else text.rjust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    clients = told["clients"]
    lines = [
        f"{told['market']} market at {base}",
        described(told["clock"]),
        "",
        *table,
        "",
        f"clients  {clients['streams']} market data, {clients['alerts']} alerts, {clients['clock']} clock",
        f"counts   {_counts(told, before)}",
        f"faults   {_faults(told['faults'])}",
    ]
    return "\n".join(line.rstrip() for line in lines)


def _counts(told: Mapping[str, Any], before: Mapping[str, Any] | None) -> str:
    counts = told["counts"]
    if before is None:
        return ", ".join(f"{count} {name}" for name, count in counts.items())
    seconds = max(told["seconds"] - before["seconds"], 0.001)
    return ", ".join(
        f"{count} {name} ({(count - before['counts'].get(name, 0)) / seconds:.0f}/s)"
        for name, count in counts.items()
    )


def _faults(rules: list[Mapping[str, Any]]) -> str:
    if not rules:
        return "none"
    return "; ".join(f"{rule.get('endpoint')} {rule.get('mode')}" for rule in rules)


def _money(text: str) -> str:
    return f"{float(text):,.2f}"
