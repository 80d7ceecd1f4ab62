"""What the console is built on, once it is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from senex.ports.clock import Clock
    from tui.decide import Decider
    from tui.feed import Bus
    from tui.model import Books


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """Collaborators; ``senex.bootstrap.console`` builds the real ones."""

    books: Books
    decider: Decider
    bus: Bus
    clock: Clock
