"""What an administrator runs beside the daemon, each in a process of its own: what these programs share.

Data goes to stdout, narration to stderr, and what concerns secrets to the security log.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click
from pydantic import SecretStr

from daemon import logs
from senex.config import CommonSettings, log_folder
from senex.domain.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

JSON_VERSION = 1


def keep_logs(name: str, settings: CommonSettings, folder: Path | None, secrets: Iterable[str] = ()) -> None:
    """Log into this program's own files only: the terminal is for people."""
    known = [value.get_secret_value() for _, value in settings if isinstance(value, SecretStr)]
    logs.configure(
        as_json=False,
        process=name,
        folder=folder or log_folder(settings.instance),
        secrets=(*known, *secrets),
        stream=False,
    )


def say(line: str) -> None:
    """Narrate."""
    click.echo(line, err=True)


def print_json(**data: object) -> None:
    """One JSON object, as every command prints them (docs/json.md)."""
    click.echo(json.dumps({"version": JSON_VERSION, **data}, indent=2))


def confirm_word(question: str, word: str, *, given: str | None) -> None:
    """Have a word typed that names what is at stake, or take it from a flag.

    Raises:
        Refused: ``E_NOT_CONFIRMED``.
    """
    if given is None and not sys.stdin.isatty():
        raise Refused(
            "E_NOT_CONFIRMED",
            f"Nothing was done: {question[0].lower()}{question[1:]} has to be confirmed, and there is no terminal to "
            "ask at; the command's help names the flag that does.",
        )
    typed = given if given is not None else _typed(question, word)
    if typed != word:
        raise Refused("E_NOT_CONFIRMED", "Nothing was done: what was typed is something else.")


def _typed(question: str, word: str) -> str:
    answer: str = click.prompt(
        f"{question}. Type {word!r} to do it", default="", show_default=False, err=True
    )
    return answer
