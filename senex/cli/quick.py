"""What health checks ask all day, answered before anything is loaded that parses a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex import pulse
from senex.config_once import installation
from senex.domain.parts import PROCESSES

if TYPE_CHECKING:
    from collections.abc import Sequence


def lives_here(arguments: Sequence[str]) -> str | None:
    """The answer to ``health PROCESS --here`` while the process has a pulse; None leaves it to the command."""
    match arguments:
        case ["health", service, "--here"] if service in PROCESSES:
            age = pulse.age(service, installation())
            return None if age is None else f"{service} lives: heartbeat {age:.0f} s ago."
    return None
