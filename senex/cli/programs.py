"""What runs in a process image of its own: the one table by which the CLI reaches it.

The names are strings, so the CLI never imports what they name; each program
gets the environment of its role, hence no secret but its own.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from senex.command_line import DEBUG, Options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from senex.config import Role


@dataclass(frozen=True, slots=True)
class Program:
    """A module to run, and whose settings it gets."""

    module: str
    role: Role
    summary: str


PROGRAMS: Mapping[str, Program] = {
    "demo": Program("daemon.demo", "demo", "Everything on this machine, simulated, then the console."),
    "up": Program("daemon.up", "up", "Everything on this machine, in the background; simulated by default."),
    "down": Program("daemon.up.down", "demo", "Stop what `senex up` started."),
    "db upgrade-server": Program(
        "daemon.embedded.upgrade_command", "demo", "This machine's data under the Postgres this senex brings."
    ),
    "tui": Program("tui", "console", "The console."),
    "daemon": Program("daemon", "daemon", "Worker, scheduler, streamer, relay, exporter; or one of them."),
    "simulator": Program("senex.simulator", "simulator", "A tastytrade of your own, on this machine."),
}

TOOLS: Mapping[str, Program] = {
    "backup": Program("daemon.backup", "backup", "Backups of the database."),
    "connect": Program("daemon.tools.connect", "daemon", "Try an OAuth grant and keep it."),
    "secrets": Program("daemon.tools.secrets", "secrets", "Look after secrets."),
}
"""What commands become that need more than a console may know."""


def run_program(program: Program, arguments: Sequence[str]) -> NoReturn:
    """Become the program; nothing of this process is left but its terminal."""
    from senex.config import child_environment  # noqa: PLC0415  settings are heavy and only this needs them

    root = Path(__file__).parents[2]
    # code comes from where this senex is installed, never from a folder that happens to be the current one
    safe = () if Path.cwd() == root else ("-P",)
    options = click.get_current_context().find_object(Options)
    debug = ("-X", DEBUG) if options is not None and options.debug else ()
    command = [sys.executable, *safe, *debug, "-m", program.module, *arguments]
    sys.stdout.flush()
    os.execve(sys.executable, command, child_environment(program.role))  # noqa: S606  no shell on purpose


def program_command(name: str) -> click.Command:
    """A command that hands all its arguments, ``--help`` too, to the program."""
    return handed_on(name, PROGRAMS[name], PROGRAMS[name].summary)


def handed_on(name: str, program: Program, summary: str, *first: str) -> click.Command:
    """The same for a program with commands of its own: ``first`` come before what was given."""

    @click.pass_context
    def run(ctx: click.Context) -> None:
        run_program(program, [*first, *ctx.args])

    return click.Command(
        name,
        callback=run,
        help=summary,
        add_help_option=False,
        context_settings={
            "ignore_unknown_options": True,
            "allow_extra_args": True,
            "allow_interspersed_args": False,
        },
    )
