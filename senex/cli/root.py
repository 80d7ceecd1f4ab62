"""The command line's root: the table of commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from senex.cli.lazy import Entry, LazyGroup
from senex.command_line import Options, run_command

if TYPE_CHECKING:
    from collections.abc import Sequence

_AT = "senex.cli.commands"
_SECTIONS: dict[str, dict[str, Entry | None]] = {
    "Run": {"demo": None, "up": None, "down": None, "tui": None, "daemon": None, "simulator": None},
    "Trade": {
        "status": Entry(f"{_AT}.status:status", "Am I safe, is everything fresh, what wants me?"),
        "account": Entry(f"{_AT}.account:account", "Accounts and their balances."),
        "suggest": Entry(f"{_AT}.suggestions:suggest", "Ask for a trade."),
        "suggestions": Entry(f"{_AT}.suggestions:suggestions", "Look at suggestions; approve or reject."),
        "positions": Entry(f"{_AT}.positions:positions", "What is held, with its targets; close it."),
        "pnl": Entry(f"{_AT}.pnl:pnl", "What was gained, after fees, by day, strategy, position or spread."),
        "orders": Entry(f"{_AT}.orders:orders", "What was sent; cancel or replace it."),
        "summary": Entry(f"{_AT}.summary:summary", "What the day came to, after the close."),
        "automation": Entry(f"{_AT}.automation:automation", "What senex decides by itself; off by default."),
        "state": Entry(f"{_AT}.state:state", "What may be sent: active, reduce only, halted."),
        "reconcile": Entry(
            f"{_AT}.reconcile:reconcile", "Make the books agree with the broker; see what differs."
        ),
        "sync": Entry(f"{_AT}.sync:sync", "Read orders, balances and positions again."),
    },
    "Look after": {
        "db": Entry(f"{_AT}.db:db", "The database: roles, migrations, version, backups."),
        "upgrade": Entry(f"{_AT}.upgrade:upgrade", "Bring a running installation to this version."),
        "jobs": Entry(f"{_AT}.jobs:jobs", "What the daemon works on; run, pause and retry it."),
        "schedule": Entry(f"{_AT}.jobs:schedule", "When the daemon does what."),
        "alarms": Entry(f"{_AT}.alarms:alarms", "What wants a person."),
        "notify": Entry(f"{_AT}.notify:notify", "The inbox, and what you are sent outside of it."),
        "journal": Entry(f"{_AT}.journal:journal", "What was done, by whom and why; verify it."),
        "operator": Entry(f"{_AT}.operator:operator", "Who may decide, and their passphrase."),
        "health": Entry(f"{_AT}.health:health", "How every part of senex is; what health checks ask."),
        "secrets": Entry(f"{_AT}.secrets:secrets", "Passwords and keys: check them, rotate them."),
        "config": Entry(f"{_AT}.config:config", "Settings and where each came from."),
        "paths": Entry(f"{_AT}.config:paths", "Where senex keeps things."),
        "broker": Entry(f"{_AT}.broker:broker", "The broker: try every order shape without sending one."),
        "version": Entry(f"{_AT}.about:version", "The version of senex."),
    },
}


def _set_debug(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001  click's call
    ctx.ensure_object(Options).debug = value


root = LazyGroup(
    name="senex",
    sections=_SECTIONS,
    help="A trading console with a daemon behind it. Start with: senex demo",
    params=[
        click.Option(
            ["--debug"],
            is_flag=True,
            expose_value=False,
            callback=_set_debug,
            help="Show tracebacks of errors.",
        )
    ],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code. An error is one sentence on stderr."""
    return run_command(root, "senex", arguments)
