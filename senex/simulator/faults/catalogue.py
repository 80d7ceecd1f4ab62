"""What can go wrong: every fault with its parameters, and the reading of a rule against it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet

HTTP = "http"
"""Stands for every REST endpoint, and the upgrades of the two streams."""
ANY = "*"


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to misbehave.

    A ``lasting`` one applies until it is cleared or its ``count`` is used up, the
    others once or ``count`` times. An ``action`` is done at once, or ``at`` an instant.
    """

    endpoint: str
    mode: str
    text: str
    parameters: tuple[str, ...] = ()
    lasting: bool = False
    action: bool = False


@dataclass(eq=False, slots=True)
class Rule:
    """A fault that was asked for. It applies ``count`` more times (None: until cleared) from ``at`` on.

    ``seconds`` are of machine time for what happens to a connection, of market
    time for quotes, alerts and lag.
    """

    fault: Fault
    endpoint: str
    count: int | None
    at: datetime | None = None
    status: int = 503
    seconds: float | None = None
    symbol: str | None = None
    type: str | None = None
    order: int | None = None
    text: str | None = None
    side: str = "bid"
    rate: int = 1
    units: int = 1

    @property
    def mode(self) -> str:
        """The fault's mode."""
        return self.fault.mode

    def listing(self) -> dict[str, object]:
        """The rule as it is listed: what was asked for, and how often it still applies."""
        told: dict[str, object] = {"endpoint": self.endpoint, "mode": self.mode}
        told |= {name: getattr(self, name) for name in self.fault.parameters}
        return told | {"count": self.count, "at": None if self.at is None else self.at.isoformat()}


_SERVED = (
    ("status", "The status and the broker's error body", ("status",)),
    ("html", "A page instead of JSON, with the status", ("status",)),
    ("empty", "The status and no body", ("status",)),
    ("unparsable", "JSON that breaks off, with the status", ("status",)),
    ("drop", "The connection is cut without an answer", ()),
)
FAULTS: tuple[Fault, ...] = (
    *(Fault(HTTP, mode, f"{text}; nothing was done.", names) for mode, text, names in _SERVED),
    *(
        Fault(HTTP, f"{mode}-after-accept", f"{text}; everything was done.", names)
        for mode, text, names in _SERVED
    ),
    Fault(HTTP, "delay", "Done at once, answered late.", ("seconds",)),
    Fault(HTTP, "stall", "Done late, then answered.", ("seconds",)),
    Fault(HTTP, "limit", "429 beyond so many requests in a second.", ("rate",), lasting=True),
    Fault(HTTP, "clock-skew", "The Date header is off by so many seconds.", ("seconds",), lasting=True),
    Fault(HTTP, "unknown-status", "Orders in the answer have a status nobody knows.", ("text", "order")),
    Fault(HTTP, "missing", "A list lacks an order (the first, or the one named).", ("order",)),
    Fault(
        HTTP,
        "lag",
        "Reads show the books as they were so many market seconds ago, or else when the rule was made.",
        ("seconds",),
        lasting=True,
    ),
    Fault("token", "refuse", "The refresh token is refused as revoked."),
    Fault("token", "expire", "Every access and quote token issued so far has expired.", action=True),
    *(
        fault
        for stream in ("dxlink", "alerts")
        for fault in (
            Fault(stream, "close", "Every connection is closed properly.", action=True),
            Fault(stream, "abort", "Every connection is cut.", action=True),
            Fault(
                stream,
                "freeze",
                "Nothing is sent, pongs included; sockets stay open.",
                ("seconds",),
                action=True,
            ),
            Fault(stream, "thaw", "A freeze ends.", action=True),
            Fault(stream, "oversize", "A frame of more than 65,536 bytes.", ("type",)),
            Fault(stream, "invalid-json", "A frame that is no JSON.", ("type",)),
        )
    ),
    Fault("dxlink", "misaligned", "FEED_DATA whose last row lacks a value.", ("type",)),
    Fault("dxlink", "empty-data", "FEED_DATA with nothing in it.", ("type",)),
    Fault("dxlink", "error", "An ERROR instead of FEED_DATA.", ("type", "text")),
    Fault("dxlink", "second-authorized", "AUTHORIZED once more.", ("type",)),
    Fault("dxlink", "channel-closed", "CHANNEL_CLOSED without being asked.", ("type",)),
    Fault("alerts", "duplicate", "An alert twice.", ("type",)),
    Fault("alerts", "missing", "An alert is not sent.", ("type",)),
    Fault("alerts", "late", "An alert comes so many market seconds later.", ("type", "seconds")),
    Fault("alerts", "reorder", "An alert comes after the next one.", ("type",)),
    Fault("alerts", "invalid", "An alert's object lacks what its type requires.", ("type",)),
    *(
        Fault("quotes", mode, text, ("symbol", "seconds", *more), lasting=True)
        for mode, text, more in (
            ("one-sided", "No bid, or no ask (side).", ("side",)),
            ("crossed", "The bid is above the ask.", ()),
            ("zero", "Both prices are 0.", ()),
            ("nan", "Both prices are NaN on the stream, absent over REST.", ()),
            ("negative", "The bid is negative.", ()),
            ("stale", "The quote stands still.", ()),
        )
    ),
    Fault("fills", "partial", "At most so many units of an order fill per tick.", ("units",), lasting=True),
    Fault(
        "fills",
        "broken-ratio",
        "The first leg, or the symbol's, is left out of a fill.",
        ("symbol", "order"),
    ),
    Fault("cancel", "fill-wins", "The order fills before its cancellation.", ("symbol", "order")),
    Fault("cancel", "cancel-wins", "The order is cancelled before it fills.", ("symbol", "order")),
    Fault("replace", "overtaken", "The order fills before its replacement.", ("symbol", "order")),
    Fault("orders", "reject", "An accepted order is rejected on its way.", ("symbol", "text")),
)


def read(body: Mapping[str, Any], endpoints: AbstractSet[str]) -> Rule:
    """A rule from its JSON.

    Raises:
        ValueError: an unknown endpoint, mode or parameter, with what exists.
    """
    endpoint, mode = str(body.get("endpoint", ANY)), str(body.get("mode", ""))
    fault = _find(endpoint, mode, endpoints)
    known = (*fault.parameters, "count", "at")
    asked = {name: value for name, value in body.items() if name not in {"endpoint", "mode"}}
    if mode == "partial" and "count" in asked:
        asked["units"] = asked.pop("count")
    unknown = sorted(set(asked) - set(known))
    if unknown:
        raise ValueError(f"{endpoint} {mode} has no {', '.join(unknown)}; it has {', '.join(known)}")
    values = {name: _READ[name](value) for name, value in asked.items() if value is not None}
    return Rule(fault, endpoint, values.pop("count", None if fault.lasting else 1), **values)


def listing(endpoints: AbstractSet[str]) -> list[dict[str, object]]:
    """Every fault, for a client that wants to know."""
    return [
        {
            "endpoint": sorted({*endpoints, ANY}) if fault.endpoint == HTTP else fault.endpoint,
            "mode": fault.mode,
            "parameters": [*fault.parameters, "at", *(() if fault.action else ("count",))],
            "text": fault.text,
        }
        for fault in FAULTS
    ]


def _find(endpoint: str, mode: str, endpoints: AbstractSet[str]) -> Fault:
    served = endpoint == ANY or endpoint in endpoints
    own = {fault.mode: fault for fault in FAULTS if fault.endpoint == endpoint}
    usual = {fault.mode: fault for fault in FAULTS if fault.endpoint == HTTP} if served else {}
    modes = {**usual, **own}
    if not modes:
        there = sorted({*endpoints, ANY, *(fault.endpoint for fault in FAULTS if fault.endpoint != HTTP)})
        raise ValueError(f"There is no endpoint {endpoint!r}; there are {', '.join(there)}")
    if mode not in modes:
        raise ValueError(f"{endpoint} has no mode {mode!r}; it has {', '.join(modes)}")
    return modes[mode]


def _whole(low: int, high: int) -> Callable[[Any], int]:
    def whole(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"{value!r} is not a whole number from {low} to {high}")
        return value

    return whole


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e7:
        raise ValueError(f"{value!r} is not a number of seconds")
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not text")  # noqa: TRY004  read as a refusal like the others
    return value


def _side(value: Any) -> str:
    if value not in {"bid", "ask"}:
        raise ValueError(f"{value!r} is neither bid nor ask")
    return str(value)


def _instant(value: Any) -> datetime:
    instant = value if isinstance(value, datetime) else datetime.fromisoformat(_text(value))
    if instant.tzinfo is None:
        raise ValueError(f"{value!r} has no offset")
    return instant


_READ: dict[str, Callable[[Any], Any]] = {
    "count": _whole(1, 1_000_000),
    "at": _instant,
    "status": _whole(200, 599),
    "seconds": _number,
    "symbol": _text,
    "type": _text,
    "order": _whole(1, 1 << 53),
    "text": _text,
    "side": _side,
    "rate": _whole(1, 1_000_000),
    "units": _whole(1, 1_000_000),
}
