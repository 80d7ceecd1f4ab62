"""How far this machine's clock is from the broker's, by the Date header of its answers."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from httpx2 import Request, Response

_GRAIN = 1.0
"""The header names a second and means any moment in it."""


def offset(date: str, *, asked: float, answered: float) -> timedelta | None:
    """Ahead (positive) or behind by at least this; None where the header is none.

    The broker wrote it between our asking and its answer's arrival, so what the way took,
    however long, is never mistaken for a clock that is wrong.
    """
    try:
        told = _instant(date)
    except ValueError:
        return None
    least, most = asked - (told + _GRAIN), answered - told
    if least <= 0 <= most:
        return timedelta(0)
    return timedelta(seconds=least if least > 0 else most)


@lru_cache(maxsize=1)  # many answers of one second say the same
def _instant(date: str) -> float:
    return parsedate_to_datetime(date).timestamp()


@dataclass(slots=True)
class Skew:
    """The newest comparison; two hooks of the HTTP client make one with every call."""

    newest: timedelta | None = None

    def forget(self) -> None:
        """Begin anew."""
        self.newest = None

    async def on_request(self, request: Request) -> None:
        """Remember when it was asked."""
        request.extensions = {**request.extensions, "senex_asked": _now()}

    async def on_response(self, response: Response) -> None:
        """Compare."""
        date, asked = response.headers.get("date"), response.request.extensions.get("senex_asked")
        if date is not None and isinstance(asked, float):
            with suppress(OverflowError):
                found = offset(date, asked=asked, answered=_now())
                self.newest = self.newest if found is None else found


def _now() -> float:
    return time.time()  # noqa: TID251  the machine's clock is what is examined
