"""Faults on demand: rules that make chosen endpoints misbehave, set over ``/faults``.

A rule names an endpoint (a route's name: ``token``, ``orders``, ``dry-run``,
``cancel``, ``replace``, ``order-reads``, ``positions``, ``balances-currency``,
``transactions``, ``chains``, ``quote-token`` …, or ``*``), a mode and how
often it applies. Modes ending in ``after-accept`` do the work first.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from aiohttp import web

from senex.simulator import wire
from senex.simulator.services import labelled, services

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

routes = web.RouteTableDef()
_HTML = "<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"


class Mode(StrEnum):
    """How a rule misbehaves."""

    STATUS = "status"
    STATUS_AFTER_ACCEPT = "status-after-accept"
    HTML = "html"
    HTML_AFTER_ACCEPT = "html-after-accept"
    DROP = "drop"
    DROP_AFTER_ACCEPT = "drop-after-accept"
    DELAY = "delay"
    """Does the work at once, answers late."""
    STALL = "stall"
    """Does the work late."""


@dataclass(slots=True)
class Rule:
    """One fault; it applies ``count`` more times."""

    endpoint: str
    mode: Mode
    status: int = 503
    seconds: float = 1.0
    count: int = 1


@dataclass(slots=True)
class Faults:
    """The active rules, oldest first."""

    rules: list[Rule] = field(default_factory=list)

    def take(self, endpoint: str) -> Rule | None:
        """The rule for an endpoint, counted down."""
        for rule in self.rules:
            if rule.endpoint in (endpoint, "*") and rule.count > 0:
                rule.count -= 1
                self.rules = [one for one in self.rules if one.count > 0]
                return rule
        return None

    async def apply(self, rule: Rule, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a request as the rule says."""
        if rule.mode is Mode.STALL:
            await asyncio.sleep(rule.seconds)
        if rule.mode in {Mode.DELAY, Mode.STALL} or rule.mode.endswith("after-accept"):
            answer = await handler(request)
        if rule.mode in {Mode.DELAY, Mode.STALL}:
            if rule.mode is Mode.DELAY:
                await asyncio.sleep(rule.seconds)
            return answer
        if rule.mode in {Mode.DROP, Mode.DROP_AFTER_ACCEPT}:
            if request.transport is not None:
                request.transport.abort()
            raise asyncio.CancelledError
        if rule.mode in {Mode.HTML, Mode.HTML_AFTER_ACCEPT}:
            return web.Response(
                status=rule.status, text=_HTML.format(status=rule.status), content_type="text/html"
            )
        return _error(rule.status)


def _error(status: int) -> web.Response:
    codes = {
        401: ("token_invalid", "This token is invalid or has expired"),
        403: ("not_permitted", "User not permitted access"),
        429: ("too_many_requests", "Too many requests"),
    }
    code, message = codes.get(status, ("internal_error", "Something went wrong"))
    return wire.error(status, code, message)


@routes.get("/faults")
@labelled("faults")
async def listed(request: web.Request) -> web.Response:
    """The rules that still apply."""
    return wire.reply(_listing(services(request).faults))


@routes.delete("/faults")
@labelled("faults")
async def cleared(request: web.Request) -> web.Response:
    """Forget all rules."""
    parts = services(request)
    parts.faults.rules.clear()
    parts.exchange.units_per_tick = None
    return wire.reply(_listing(parts.faults))


@routes.post("/faults")
@labelled("faults")
async def added(request: web.Request) -> web.Response:
    """Add a rule, or do one of the things that happen once.

    Once: ``{"endpoint": "alerts" | "dxlink", "mode": "close" | "abort"}`` ends the
    streams, ``{"endpoint": "token", "mode": "expire"}`` every access token, and
    ``{"endpoint": "fills", "mode": "partial", "count": n}`` fills n units a tick.
    """
    parts = services(request)
    body: dict[str, Any] = await request.json()
    endpoint, mode = str(body.get("endpoint", "*")), str(body.get("mode", ""))
    if endpoint in {"alerts", "dxlink"} and mode in {"close", "abort"}:
        streams = parts.alerts if endpoint == "alerts" else parts.feed
        if mode == "abort":
            streams.abort()
        else:
            await streams.close()
    elif (endpoint, mode) == ("token", "expire"):
        parts.tokens.epoch += 1
    elif (endpoint, mode) == ("fills", "partial"):
        parts.exchange.units_per_tick = int(body.get("count", 1)) or None
    else:
        try:
            rule = Rule(
                endpoint=endpoint,
                mode=Mode(mode),
                status=int(body.get("status", 503)),
                seconds=float(body.get("seconds", 1.0)),
                count=int(body.get("count", 1)),
            )
        except ValueError as problem:
            return wire.error(400, "validation_error", f"Not a fault: {problem}")
        parts.faults.rules.append(rule)
    return wire.reply(_listing(parts.faults))


def _listing(faults: Faults) -> wire.Json:
    return {
        "rules": [
            {
                "endpoint": rule.endpoint,
                "mode": rule.mode,
                "status": rule.status,
                "seconds": rule.seconds,
                "count": rule.count,
            }
            for rule in faults.rules
        ]
    }
