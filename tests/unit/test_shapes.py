"""Every command that prints JSON is documented, and the page is current."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from daemon.backup.__main__ import main as backups
from senex.cli.programs import PROGRAMS
from senex.cli.root import root
from senex.cli.shapes import SHAPES, TARGET, document

if TYPE_CHECKING:
    from collections.abc import Iterator


def printing(group: click.Group, path: str = "") -> Iterator[str]:
    """The names of commands that take ``--json``."""
    context = click.Context(group)
    for name in group.list_commands(context):
        if not path and name in PROGRAMS:
            continue
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from printing(command, f"{path}{name} ")
        elif any("--json" in parameter.opts for parameter in command.params):
            yield f"{path}{name}"


def test_every_json_is_documented() -> None:
    assert {*printing(root), *printing(backups, "db ")} == set(SHAPES)


def test_the_page_is_current() -> None:
    assert TARGET.read_text(encoding="utf-8") == document()


def test_every_command_has_an_example() -> None:
    def commands(group: click.Group) -> Iterator[click.Command]:
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            yield from commands(command) if isinstance(command, click.Group) else (command,)

    handed_on = {*PROGRAMS, *backups.commands}
    own = [one for one in commands(root) if one.name not in handed_on]
    kept = [one for one in commands(backups) if not one.hidden]
    without = [one.name for one in own + kept if "Example:" not in (one.help or "")]
    assert without == []
