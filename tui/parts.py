"""What the console is built on, once it is there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tui.clock import FollowedClock
    from tui.decide import Decider
    from tui.feed import Bus
    from tui.model import Books


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """Collaborators and settings; ``senex.bootstrap.live_console`` builds the real ones."""

    books: Books
    decider: Decider
    bus: Bus
    clock: FollowedClock
    environment: str
    operator: str
    exports: Path
    keys: Mapping[str, str] = field(default_factory=dict)
    idle_minutes: float = 15
