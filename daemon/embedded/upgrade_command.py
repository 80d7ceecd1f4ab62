"""``senex db upgrade-server``: this machine's data under the Postgres this senex brings."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from daemon.embedded.upgrade import Upgrade
from senex.command_line import INTERRUPTED, run_command
from senex.config import CommonSettings, load

if TYPE_CHECKING:
    from types import FrameType


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    """End from wherever it is, through everything that clears up."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise SystemExit(INTERRUPTED)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--old-server",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="FOLDER",
    help="Where a Postgres of the data's major is: its programs, or what pip installed with --target.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(*, old_server: Path | None, as_json: bool) -> None:
    """Bring the data `senex up` keeps on this machine to the Postgres that this senex brings.

    Dumps it with a server of its own major, which is the backup, restores it beside, compares every row, and
    only then changes places; the original stays as it was, under another name. senex must not run meanwhile.

    Example: senex down && senex db upgrade-server --old-server /usr/lib/postgresql/15/bin && senex up
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    instance = load(CommonSettings).instance
    done = Upgrade(instance, old_server=old_server, narrate=_say).run()
    if as_json:
        click.echo(json.dumps({"version": 1, "instance": instance, **asdict(done)}))
    elif done.before == done.after:
        click.echo(f"The data is of Postgres {done.after} already; there is nothing to do.", err=True)
    else:
        click.echo(
            f"The data is of Postgres {done.after} now: {done.tables} tables, {done.rows} rows, each compared. The "
            f"original is kept as {done.original}, the dump in {done.backup}; remove them once you are content.",
            err=True,
        )


def _say(line: str) -> None:
    click.echo(f"senex db upgrade-server: {line} …", err=True)


if __name__ == "__main__":
    sys.exit(run_command(main, "senex db upgrade-server"))
