"""REST answers that another market gives and the simulator cannot derive: its metrics and events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from senex.simulator import wire

if TYPE_CHECKING:
    from datetime import datetime

    from aiohttp import web

METRICS = "/market-metrics"
_EVENTS = f"{METRICS}/historic-corporate-events/"
_NAMES = {"dividends": "dividends", "earnings-reports": "earnings"}


class Host(Protocol):
    """The server, as a mirror sees it."""

    def quotes_came(self) -> None:
        """Rows are here: streams are to be told."""
        ...

    def follow_clock(self, instant: datetime, speed: float) -> None:
        """The other market's clock was heard."""
        ...


class Mirror(Protocol):
    """Where another market's data comes from."""

    async def answer(self, request: web.Request, label: str) -> web.StreamResponse | None:
        """Its answer to a request; None where the simulator's own stands."""
        ...

    async def run(self, server: Host) -> None:
        """Follow it for as long as the simulator serves."""
        ...


class Pages:
    """Recorded answers by name."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}

    def answer(self, request: web.Request) -> web.StreamResponse | None:
        """The recorded answer to a request for metrics or events."""
        path = request.path
        if path == METRICS:
            wanted = request.query.get("symbols", "").split(",")
            found = (self.known.get(f"metrics {symbol}") for symbol in wanted)
            return wire.items([one for one in found if one is not None])
        if path.startswith(_EVENTS):
            kind, _, symbol = path.removeprefix(_EVENTS).partition("/")
            body = self.known.get(f"{_NAMES.get(kind, kind)} {symbol}", {"items": []})
            return wire.data(body)
        return None
