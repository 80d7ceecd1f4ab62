"""Faults on demand: rules that make chosen endpoints misbehave, set over ``/faults``.

A rule names an endpoint (a route's name: ``token``, ``orders``, ``dry-run``,
``cancel``, ``replace``, ``order-reads``, ``positions``, ``balances-currency``,
``transactions``, ``chains``, ``quote-token`` …, or ``*``), a mode and how
often it applies. Modes ending in ``after-accept`` do the work first.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from aiohttp import web

from senex.simulator import wire

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

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

    def listing(self) -> wire.Json:
        """The rules that still apply."""
        return {"rules": [asdict(rule) for rule in self.rules]}


def _error(status: int) -> web.Response:
    codes = {
        401: ("token_invalid", "This token is invalid or has expired"),
        403: ("not_permitted", "User not permitted access"),
        429: ("too_many_requests", "Too many requests"),
    }
    code, message = codes.get(status, ("internal_error", "Something went wrong"))
    return wire.error(status, code, message)
