"""``python -m daemon``: worker, scheduler, streamer and relay under one supervisor, and the exporter if wanted.

``python -m daemon NAME`` runs one of them. Each waits for the database's schema
before it works, so they may be started in any order, before the migration too.
"""

from __future__ import annotations

import sys
from importlib import import_module

import click

from senex.command_line import run_command
from senex.lean import absent, give_back

_SUPPORTED = "pandas", "rich"
"""What talib and structlog would import for arrays and consoles that a daemon does not have."""
with absent(*_SUPPORTED):
    from daemon.processes import EXPORTER, NAMES, settings_or_exit

# a process imports its own part only: relay and scheduler stay small
_PARTS = {name: f"daemon.parts.{name}" for name in (*NAMES, EXPORTER)}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("name", required=False, type=click.Choice([*NAMES, EXPORTER]))
def main(name: str | None) -> None:
    """Run the daemon, or only its process NAME.

    Example: senex daemon relay
    """
    with absent(*_SUPPORTED):
        part = import_module(_PARTS[name] if name else "daemon.parts.all")
    give_back()
    sys.exit(part.main(settings_or_exit(name or "supervisor")))


if __name__ == "__main__":
    sys.exit(run_command(main, "senex daemon"))
