"""How what an operator started waits for something to be over: as long as was said, then with a sentence."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from senex.domain.errors import SenexError

    Left = TypeVar("Left")

_LOOK_SECONDS = 0.25


def wait_while(left: Callable[[], Left], patience: float, late: Callable[[Left], SenexError]) -> None:
    """Return once nothing is ``left``; raise what ``late`` says of it after ``patience`` seconds."""
    deadline = time.monotonic() + patience
    while found := left():
        if time.monotonic() > deadline:
            raise late(found)
        time.sleep(_LOOK_SECONDS)
