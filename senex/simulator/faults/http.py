"""Faults of REST: answers lost, late, refused, garbled, behind the times."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import timedelta
from email.utils import format_datetime, formatdate, parsedate_to_datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import hdrs, web

from senex.simulator import wire
from senex.simulator.faults.catalogue import ANY, FAULTS, HTTP

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from senex.simulator.faults.catalogue import Rule
    from senex.simulator.faults.rules import Rules

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_HTML = "<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"
_DONE = "-after-accept"
_EDITS = ("unknown-status", "missing")
_BESIDE = ("limit", "clock-skew", "lag", *_EDITS)
"""Modes that leave the answer an answer; all of them apply, on top of one of the others."""
_INSTEAD = tuple(fault.mode for fault in FAULTS if fault.endpoint == HTTP and fault.mode not in _BESIDE)
_NOBODY_KNOWS = "Dead"
_CODES = {
    401: ("token_invalid", "This token is invalid or has expired"),
    403: ("not_permitted", "User not permitted access"),
    429: ("too_many_requests", "Too many requests"),
}


class HttpFaults:
    """Answers requests as the rules ask."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._arrivals: deque[float] = deque()

    def lag(self, label: str) -> Rule | None:
        """The rule by which a read is behind the times, counted down."""
        return self._take(label, ("lag",))

    async def serve(self, label: str, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a request, as well or badly as the rules ask."""
        if not self._rules.all:
            return await handler(request)
        limit = self._find(label, ("limit",))
        if limit is not None and self._crowded(limit.rate):
            return _error(429)
        rule = self._take(label, ("refuse", *_INSTEAD))
        answer = await (handler(request) if rule is None else _instead(rule, request, handler))
        edit = self._take(label, _EDITS)
        if edit is not None and isinstance(answer, web.Response):
            answer = _edited(edit, answer)
        skew = self._take(label, ("clock-skew",))
        if skew is not None and not answer.prepared:
            answer.headers[hdrs.DATE] = _date(skew.seconds or 0.0)
        return answer

    def _crowded(self, rate: int) -> bool:
        now = monotonic()
        while self._arrivals and now - self._arrivals[0] >= 1.0:
            self._arrivals.popleft()
        if len(self._arrivals) >= rate:
            return True
        self._arrivals.append(now)
        return False

    def _find(self, label: str, modes: tuple[str, ...]) -> Rule | None:
        return self._rules.find((label, ANY), modes, _of_rest)

    def _take(self, label: str, modes: tuple[str, ...]) -> Rule | None:
        return self._rules.take((label, ANY), modes, _of_rest)


def _of_rest(rule: Rule) -> bool:
    return rule.fault.endpoint in (HTTP, "token")


async def _instead(rule: Rule, request: web.Request, handler: Handler) -> web.StreamResponse:
    seconds = 1.0 if rule.seconds is None else rule.seconds
    if rule.mode == "stall":
        await asyncio.sleep(seconds)
        return await handler(request)
    if rule.mode == "delay":
        answer = await handler(request)
        await asyncio.sleep(seconds)
        return answer
    if rule.mode == "refuse":
        return wire.reply({"error_code": "invalid_grant", "error_description": "Grant revoked"}, 400)
    if rule.mode.endswith(_DONE):
        await handler(request)
    return _lost(rule.mode.removesuffix(_DONE), rule.status, request)


def _lost(mode: str, status: int, request: web.Request) -> web.Response:
    if mode == "drop":
        if request.transport is not None:
            request.transport.abort()
        raise asyncio.CancelledError
    if mode == "html":
        return web.Response(status=status, text=_HTML.format(status=status), content_type="text/html")
    if mode == "empty":
        return web.Response(status=status)
    if mode == "unparsable":
        return web.Response(status=status, body=b'{"data":{"order":{"id":', content_type="application/json")
    return _error(status)


def _error(status: int) -> web.Response:
    code, message = _CODES.get(status, ("internal_error", "Something went wrong"))
    return wire.error(status, code, message)


def _edited(rule: Rule, answer: web.Response) -> web.Response:
    """An answer with other orders in it."""
    if not isinstance(answer.body, bytes) or answer.content_type != "application/json":
        return answer
    body = orjson.loads(answer.body)
    if rule.mode == "missing":
        _remove_order(body, rule.order)
    else:
        _rename_status(body, rule.text or _NOBODY_KNOWS, rule.order)
    return web.Response(status=answer.status, body=orjson.dumps(body), content_type="application/json")


def _remove_order(body: Any, number: int | None) -> None:
    content = body.get("data") if isinstance(body, dict) else None
    listed = content.get("items") if isinstance(content, dict) else None
    gone = next((one for one in listed or () if number is None or one.get("id") == number), None)
    if listed and gone is not None:
        listed.remove(gone)


def _rename_status(body: Any, text: str, number: int | None) -> None:
    if isinstance(body, list):
        for item in body:
            _rename_status(item, text, number)
    elif isinstance(body, dict):
        if "legs" in body and "status" in body and number in (None, body.get("id")):
            body["status"] = text
        for item in body.values():
            _rename_status(item, text, number)


def _date(seconds: float) -> str:
    now = parsedate_to_datetime(formatdate(usegmt=True))
    return format_datetime(now + timedelta(seconds=seconds), usegmt=True)
