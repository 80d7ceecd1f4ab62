"""What the HTTP handlers share: one bundle, built once by the server."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Callable

    from senex.simulator.alerts import Alerts
    from senex.simulator.clockwire import ClockHub
    from senex.simulator.exchange import Exchange
    from senex.simulator.faults.hub import Faults
    from senex.simulator.feed import Feed
    from senex.simulator.lockstep import Lockstep
    from senex.simulator.mirror.pages import Mirror
    from senex.simulator.tokens import Tokens
    from senex.simulator.watchlists import Watchlists


@dataclass(frozen=True, slots=True)
class Services:
    """The running simulator's parts."""

    exchange: Exchange
    tokens: Tokens
    alerts: Alerts
    feed: Feed
    faults: Faults
    clock: ClockHub
    lockstep: Lockstep
    watchlists: Watchlists
    moved: Callable[[], None]
    """The clock was set: streams and followers are told."""
    movable: bool = True
    """Whether the market's time is this simulator's own."""
    counts: Counter[str] = field(default_factory=lambda: Counter(requests=0))
    """What was done since the start."""
    mirror: Mirror | None = None
    """Another market whose data is served; None where the market is simulated."""


SERVICES = web.AppKey("services", Services)
REPLICA = web.RequestKey("replica", Services)
"""Where a request carries the parts of a moment ago, when a fault makes it read behind the times."""


def services(request: web.Request) -> Services:
    """The parts, from a request."""
    replica: Services | None = request.get(REPLICA)
    return request.app[SERVICES] if replica is None else replica


_LABELS: dict[object, str] = {}
_H = TypeVar("_H")


def labelled(label: str) -> Callable[[_H], _H]:
    """Name an endpoint, so that access and fault rules can speak of it; several may share a name."""

    def mark(handler: _H) -> _H:
        _LABELS[handler] = label
        return handler

    return mark


def label_of(request: web.Request) -> str:
    """The name of the endpoint a request goes to; empty when there is none."""
    return _LABELS.get(request.match_info.handler, "")


def labels() -> frozenset[str]:
    """The names of all endpoints."""
    return frozenset(_LABELS.values())
