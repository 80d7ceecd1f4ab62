"""Market time asked for once: for commands that end before anybody could follow a clock.

Only the standard library is imported.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from senex.domain.errors import Unavailable


@dataclass(frozen=True, slots=True)
class ReadClock:
    """Market time as last told, going on at the speed it had."""

    timeline: str
    instant: datetime
    speed: float
    read: float

    def now(self) -> datetime:
        """The aware instant (UTC) it is on the market."""
        return self.instant + timedelta(seconds=self.speed * (time.monotonic() - self.read))


def read_clock(url: str | None, *, timeout: float = 2.0) -> ReadClock:
    """The market clock: asked where ``SENEX_CLOCK_URL`` is set, the wall's elsewhere. Blocks.

    Raises:
        Unavailable: ``E_CLOCK_AWAY``.
    """
    if not url:
        wall = datetime.now(UTC)  # noqa: TID251  this is the clock
        return ReadClock("wall", wall, 1.0, time.monotonic())
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    try:
        connection.request("GET", parts.path or "/")
        told = json.loads(connection.getresponse().read())
        read = time.monotonic()
        instant = datetime.fromisoformat(told["instant"]).astimezone(UTC)
        return ReadClock(str(told["timeline"]), instant, float(told["speed"]), read)
    except (OSError, HTTPException, ValueError, KeyError, TypeError) as problem:
        raise Unavailable(
            "E_CLOCK_AWAY",
            f"The market clock at {url} does not answer, and nothing may be dated without it. "
            "Start the simulator, or correct SENEX_CLOCK_URL.",
        ) from problem
    finally:
        connection.close()
