"""When markets are open: sessions and holidays of the exchanges."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from aiohttp import web

from senex.simulator import wire
from senex.simulator.market.futures import rests
from senex.simulator.market.holidays import CLOSED, FIRST, HALF, LAST
from senex.simulator.market.sessions import new_york, new_york_date
from senex.simulator.services import labelled, services

if TYPE_CHECKING:
    from collections.abc import Iterator

routes = web.RouteTableDef()
_EQUITY, _FUTURES = "Equity", ("CME", "CFE")
_DAY = timedelta(days=1)
_SATURDAY = 5
_LONGEST_PAUSE = 10
"""Days: no exchange is closed for as long."""


@dataclass(frozen=True, slots=True)
class _Hours:
    """One session of one exchange."""

    exchange: str
    day: date
    starts: datetime
    opens: datetime
    closes: datetime
    ends: datetime

    def state(self, instant: datetime) -> str:
        """The market's state inside it."""
        if instant < self.opens:
            return "Pre-market"
        return "Open" if instant < self.closes else "Extended"

    def json(self, *, dated: bool = True) -> wire.Json:
        """As the broker tells it."""
        body: wire.Json = {
            "instrument-collection": self.exchange,
            "start-at": wire.stamp(self.starts),
            "open-at": wire.stamp(self.opens),
            "close-at": wire.stamp(self.closes),
            "close-at-ext": wire.stamp(self.ends),
        }
        return body | {"session-date": self.day} if dated else body


def _hours(exchange: str, day: date) -> _Hours | None:
    """The session of a date, if it has one."""
    if day.weekday() >= _SATURDAY:
        return None
    if exchange == _EQUITY:
        if day in CLOSED:
            return None
        closes = new_york(day, 13 if day in HALF else 16)
        return _Hours(
            exchange, day, new_york(day, 4), new_york(day, 9, 30), closes, closes + timedelta(hours=4)
        )
    if rests(day):
        return None
    opens = new_york(day - _DAY, 18)
    closes = new_york(day, 13 if day in HALF or day in CLOSED else 17)
    return _Hours(exchange, day, opens, opens, closes, closes)


def _around(exchange: str, day: date) -> Iterator[_Hours]:
    """The sessions around a date, in order."""
    for count in range(-_LONGEST_PAUSE, _LONGEST_PAUSE + 1):
        found = _hours(exchange, day + count * _DAY)
        if found is not None:
            yield found


def _session(exchange: str, instant: datetime) -> wire.Json:
    known = list(_around(exchange, new_york_date(instant)))
    current = next((one for one in known if one.starts <= instant < one.ends), None)
    body: wire.Json = {
        "instrument-collection": exchange,
        "state": "Closed" if current is None else current.state(instant),
        "next-session": next(one for one in known if one.starts > instant).json(),
        "previous-session": next(one for one in reversed(known) if one.ends <= instant).json(),
    }
    return body if current is None else current.json(dated=False) | body


@routes.get("/market-time/sessions/current")
@labelled("market-time")
async def current_sessions(request: web.Request) -> web.Response:
    """The state of each exchange asked for, its last and next session."""
    instant = services(request).exchange.now()
    asked = request.query.getall("instrument-collections[]", [_EQUITY])
    return wire.items(_session(one, instant) for one in asked if one in {_EQUITY, *_FUTURES})


@routes.get("/market-time/equities/sessions/current")
@labelled("market-time")
async def current_equities(request: web.Request) -> web.Response:
    """The state of the stock exchange."""
    return wire.data(_session(_EQUITY, services(request).exchange.now()))


@routes.get("/market-time/equities/holidays")
@labelled("market-time")
async def holidays(request: web.Request) -> web.Response:
    """Days without a session and sessions that close early, this year and next."""
    return _calendar(request, CLOSED, HALF)


@routes.get("/market-time/futures/holidays/{exchange}")
@labelled("market-time")
async def futures_holidays(request: web.Request) -> web.Response:
    """The same of a futures exchange."""
    exchange = request.match_info["exchange"]
    if exchange not in _FUTURES:
        return wire.not_found(f"exchange {exchange}")
    closed = frozenset(day for day in CLOSED if rests(day))
    return _calendar(request, closed, HALF | (CLOSED - closed))


def _calendar(request: web.Request, closed: frozenset[date], half: frozenset[date]) -> web.Response:
    year = services(request).exchange.day().year
    first, last = max(FIRST, date(year, 1, 1)), min(LAST, date(year + 1, 12, 31))
    return wire.data(
        {
            "market-holidays": sorted(day for day in closed if first <= day <= last),
            "market-half-days": sorted(day for day in half if first <= day <= last),
        }
    )
