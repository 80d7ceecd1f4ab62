"""Orders as clients write them, and the answers that accepting or refusing them gets."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
from aiohttp import web

from senex.domain.legs import Action, InstrumentType
from senex.simulator import wire, wireorders
from senex.simulator.books.records import Behavior, ComplexType, OrderLeg, OrderType, TimeInForce
from senex.simulator.services import services
from senex.simulator.ticket import ComplexTicket, PreflightError, Ticket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from decimal import Decimal

    from senex.simulator.books.statement import Effect
    from senex.simulator.ticket import Problem

    Body = dict[str, Any]

_T = TypeVar("_T")
_NOT_ENABLED = frozenset({"Future", "Future Option", "Cryptocurrency"})
_LONGEST_DELAY = 366 * 24 * 3600.0
_SECONDS = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?")


async def ticket_of(request: web.Request) -> Ticket:
    """Read an order from a request.

    Raises:
        PreflightError: a field is missing or has a value the broker does not take.
    """
    return _readable(_ticket, orjson.loads(await request.read()))


async def complex_ticket_of(request: web.Request) -> ComplexTicket:
    """Read a complex order from a request.

    Raises:
        PreflightError: a field is missing or has a value the broker does not take.
    """
    return _readable(_complex, orjson.loads(await request.read()))


def account_of(request: web.Request) -> str:
    """The account a request names.

    Raises:
        HTTPNotFound: there is none.
    """
    number = request.match_info["account"]
    if number not in services(request).exchange.books.accounts:
        raise web.HTTPNotFound
    return number


def refused(problem: PreflightError) -> web.Response:
    """422 in the broker's shape."""
    return wire.error(422, "preflight_check_failure", "One or more preflight checks failed", problem.problems)


def accepted(name: str, body: wire.Json, effect: Effect, warnings: Iterable[Problem]) -> web.Response:
    """201 in the broker's shape: the order under its name, with its effect and fees."""
    return wire.data(
        {
            name: body,
            "warnings": [{"code": code, "message": message} for code, message in warnings],
            "errors": [],
            "buying-power-effect": wireorders.effect(effect),
            "fee-calculation": wireorders.fee_calculation(effect.fees),
        },
        201,
    )


def _readable(read: Callable[[Body], _T], body: Body) -> _T:
    try:
        return read(body)
    except (KeyError, ValueError, TypeError, AttributeError) as problem:
        raise PreflightError(("invalid_request", f"The order cannot be read: {problem}")) from problem


def _complex(body: Body) -> ComplexTicket:
    trigger = body.get("trigger-order")
    return ComplexTicket(
        type=ComplexType(body["type"]),
        trigger=None if trigger is None else _ticket(trigger),
        orders=tuple(_ticket(one) for one in body["orders"]),
    )


def _ticket(body: Body) -> Ticket:
    wish = body.get("behavior")
    return Ticket(
        type=OrderType(body["order-type"]),
        time_in_force=TimeInForce(body.get("time-in-force", "Day")),
        legs=tuple(_leg(leg) for leg in body.get("legs", ())),
        price=_signed(body, "price"),
        stop_trigger=None if body.get("stop-trigger") is None else wire.number(body["stop-trigger"]),
        value=_signed(body, "value"),
        gtc_date=date.fromisoformat(body["gtc-date"]) if body.get("gtc-date") else None,
        external_identifier=body.get("external-identifier"),
        source=body.get("source"),
        strict=bool(
            (body.get("advanced-instructions") or {}).get("strict-position-effect-validation", False)
        ),
        behavior=None if wish in {None, "immediate"} else Behavior(wish),
        not_before=wire.instant_of(body["schedule"]) if body.get("schedule") else None,
        delay=_seconds(body.get("delay")),
    )


def _signed(body: Body, name: str) -> Decimal | None:
    """An amount with the sign of its effect."""
    if body.get(name) is None:
        return None
    amount = abs(wire.number(body[name]))
    return -amount if body.get(f"{name}-effect") == "Debit" else amount


def _seconds(delay: object) -> float | None:
    """A delay in seconds: a number, or an ISO 8601 duration such as PT5S."""
    if delay is None or isinstance(delay, int | float):
        return None if delay is None else _bounded(delay)
    parts = _SECONDS.fullmatch(str(delay))
    if parts is None:
        raise ValueError(f"{delay!r} is not a duration")
    days, hours, minutes, seconds = (float(part or 0) for part in parts.groups())
    return _bounded(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def _bounded(seconds: float) -> float:
    if not 0 <= seconds <= _LONGEST_DELAY:
        raise ValueError(f"{seconds:g} seconds are not a delay of up to a year")
    return seconds


def _leg(body: Body) -> OrderLeg:
    kind = body["instrument-type"]
    if kind in _NOT_ENABLED:
        raise PreflightError(("instrument_type_not_enabled", f"The account is not enabled for {kind}"))
    quantity = wire.number(body.get("quantity", 0))
    return OrderLeg(
        symbol=str(body["symbol"]),
        instrument=InstrumentType(kind),
        action=Action(body["action"]),
        quantity=int(quantity) if quantity == quantity.to_integral_value() else 0,
    )
