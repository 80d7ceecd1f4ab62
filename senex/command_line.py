"""How every command of senex ends, wherever it runs: an exit code, and an error as one sentence on stderr.

Exit codes, frozen: 0 ok, 1 error, 2 usage or configuration, 3 unavailable,
4 refused by policy, 5 outcome unknown, 130 interrupted.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from senex.domain.errors import SenexError

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130
DEBUG = "senex-debug"
"""Python's ``-X`` option by which ``--debug`` reaches the program that a command becomes."""


@dataclass
class Options:
    """What holds for any command."""

    debug: bool = field(default_factory=lambda: DEBUG in sys._xoptions)  # noqa: SLF001  documented so


def run_command(
    command: click.Command,
    name: str,
    arguments: Sequence[str] | None = None,
    *,
    options: Options | None = None,
) -> int:
    """Run a command as ``name``; the exit code. With ``debug`` every error is raised."""
    options = options or Options()
    try:
        answer = command.main(arguments, prog_name=name, standalone_mode=False, obj=options)
    except click.ClickException as problem:
        return _said(problem)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    except SenexError as problem:
        if options.debug:
            raise
        click.echo(str(problem), err=True)
        for reason in problem.reasons:
            click.echo(f"  · {reason}", err=True)
        return problem.exit_code
    except Exception as problem:
        if options.debug:
            raise
        if sys.excepthook is not sys.__excepthook__:  # a program that keeps logs
            sys.excepthook(type(problem), problem, problem.__traceback__)
        # not what it says: that may hold a secret
        click.echo(
            f"Something in senex broke ({type(problem).__name__}); run it again with "
            "`senex --debug …` and report what it prints. [E_BUG]",
            err=True,
        )
        return 1
    return answer if isinstance(answer, int) else 0


def _said(problem: click.ClickException) -> int:
    """What click refused, as one sentence with the remedy; a group without a command shows its help."""
    context = problem.ctx if isinstance(problem, click.UsageError) else None
    if context is None or isinstance(problem, click.exceptions.NoArgsIsHelpError):
        problem.show()
    else:
        sentence = " ".join(problem.format_message().split()).rstrip(".")
        click.echo(f"{sentence}; `{context.command_path} --help` says what there is. [E_USAGE]", err=True)
    return problem.exit_code
