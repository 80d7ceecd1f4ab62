"""When the operator has gone: machine time since the last key or click."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events

if TYPE_CHECKING:
    from collections.abc import Callable


class Idle:
    """Counts from the last sign of life. ``after`` seconds without one it is due; 0 never."""

    def __init__(self, monotonic: Callable[[], float], after: float = 0) -> None:
        self.after = after
        self._monotonic = monotonic
        self._last = monotonic()

    def saw(self, event: events.Event) -> None:
        """A key or a mouse button counts; a mouse that only moves does not."""
        if isinstance(
            event,
            events.Key | events.MouseDown | events.MouseScrollDown | events.MouseScrollUp | events.Paste,
        ):
            self._last = self._monotonic()

    def due(self) -> bool:
        """Whether to lock now."""
        return self.after > 0 and self._monotonic() - self._last >= self.after
