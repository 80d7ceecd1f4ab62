"""A group whose commands load when they are run, and whose help loads none of them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import click

from senex.cli.programs import PROGRAMS, program_command

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Entry:
    """A command by name: where it is, and its line in the help."""

    target: str
    summary: str


class LazyGroup(click.Group):
    """Commands from a table of sections; programs run in a process of their own."""

    def __init__(self, *, sections: Mapping[str, Mapping[str, Entry | None]], **more: Any) -> None:
        super().__init__(**more)
        self._sections = sections
        self._entries = {name: entry for section in sections.values() for name, entry in section.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's call
        return list(self._entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's call
        if cmd_name in PROGRAMS:
            return program_command(cmd_name)
        entry = self._entries.get(cmd_name)
        if entry is None:
            return None
        module, _, name = entry.target.partition(":")
        return cast("click.Command", getattr(import_module(module), name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  click's call
        for title, section in self._sections.items():
            rows = [
                (name, PROGRAMS[name].summary if entry is None else entry.summary)
                for name, entry in section.items()
            ]
            with formatter.section(title):
                formatter.write_dl(rows)
