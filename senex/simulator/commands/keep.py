"""``senex simulator export`` and ``record``: logs of a state folder, and days of other environments."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import click

from senex.domain.errors import UsageProblem
from senex.simulator.books.export import export_log
from senex.simulator.market.profiles import PROFILES
from senex.simulator.mirror.recorder import Wanted, record
from senex.simulator.mirror.upstream import Credentials


@click.command("export")
@click.option(
    "--state",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The state folder; a simulator may be using it.",
)
def export(*, state: Path) -> None:
    """Print orders, fills and transactions as JSON lines: the same commands give the same bytes."""
    for line in export_log(state):
        click.echo(line)


@click.command("record")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--from", "rest", required=True, help="The environment's REST address.")
@click.option(
    "--credentials-file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="JSON with client_secret and refresh_token.",
)
@click.option("--symbols", default="QQQ,SPY", show_default=True, help="Underlyings, separated by commas.")
@click.option(
    "--days", type=click.IntRange(0, 400), default=50, show_default=True, help="Options up to so many days."
)
@click.option(
    "--width", type=click.IntRange(0, 100), default=10, show_default=True, help="Strikes, percent around."
)
def record_command(
    *, file: Path, rest: str, credentials_file: Path, symbols: str, days: int, width: int
) -> None:
    """Record quotes and frames of any environment into FILE, until interrupted."""
    names = tuple(name.strip().upper() for name in symbols.split(",") if name.strip())
    unknown = [name for name in names if name not in PROFILES]
    if unknown or not names:
        raise UsageProblem(
            "E_DAY_SYMBOL", f"The simulator has no place for {', '.join(unknown) or 'nothing'}; name others."
        )
    wanted = Wanted(names, days, width)
    told = asyncio.run(_record(file, rest, Credentials.read(credentials_file), wanted))
    click.echo(json.dumps(told))


async def _record(file: Path, rest: str, credentials: Credentials, wanted: Wanted) -> dict[str, object]:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return await record(
        rest=rest,
        credentials=credentials,
        file=file,
        wanted=wanted,
        stop=stop,
        ready=lambda told: click.echo(json.dumps(told)),
    )
