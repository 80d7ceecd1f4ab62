"""How long what ended waits before it is started again."""

from __future__ import annotations

SHORTEST, _LONGEST = 0.2, 5.0
HEALTHY_SECONDS = 10.0
"""What lived longer begins with the shortest pause."""
WRONG, _WRONG_LONGEST = 2, 30.0
"""The exit code of what its settings do not let work, and how seldom that is tried unasked."""


def longer(pause: float, code: int) -> float:
    """The pause after this one, for what ended with that code again."""
    return min(pause * 2, _WRONG_LONGEST if code == WRONG else _LONGEST)
