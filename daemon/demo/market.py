"""The simulated market's clock, asked and set over HTTP as anybody may."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

from senex.store.nyse import sessions

if TYPE_CHECKING:
    from collections.abc import Mapping

_AFTER_THE_OPEN = timedelta(minutes=30)
_BEFORE_THE_CLOSE = timedelta(minutes=15)


def clock_of(url: str) -> Mapping[str, object]:
    """What a market clock says now, asked once.

    Raises:
        OSError: it does not answer.
    """
    return _ask(url, None)


def reopen(url: str) -> None:
    """Where a kept market has closed, or is about to, go on at 10:00 of its next session."""
    now = datetime.fromisoformat(str(clock_of(url)["instant"]))
    for session in sessions():
        if session.opens <= now < session.closes - _BEFORE_THE_CLOSE:
            return
        if session.opens > now:
            _ask(url, {"speed": 0})
            _ask(url, {"to": (session.opens + _AFTER_THE_OPEN).astimezone(UTC).isoformat()})
            _ask(url, {"speed": 1})
            return


def _ask(url: str, wish: Mapping[str, object] | None) -> Mapping[str, object]:
    body = None if wish is None else json.dumps(wish).encode()
    asked = Request(url, data=body, headers={"Content-Type": "application/json"})  # noqa: S310  this machine
    with urlopen(asked, timeout=5) as answer:  # noqa: S310  an address of this machine
        said: Mapping[str, object] = json.load(answer)
        return said
