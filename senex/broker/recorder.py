"""What went over the wire: status and raw body of each REST call.

The SDK raises one error without a status for a 401, a 422, an HTML 502 and an
empty 201 alike, so what a call came to is read here, from the response itself.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from httpx2 import Request, Response

_log = logging.getLogger(__name__)

TOKEN_PATH = "/oauth/token"  # noqa: S105  a path
_SECRETS = re.compile(
    r'("(?:access_token|refresh_token|client_secret|id_token|session-token|remember-token|token|auth-token)"'
    r'\s*:\s*)"(?:[^"\\]|\\.)*"'
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One answered call. ``body`` is raw but for tokens, which are struck out; empty for a socket's upgrade."""

    method: str
    path: str
    status: int
    body: str
    external_identifier: str | None = None


Recorder = Callable[[Exchange], Awaitable[None]]
"""Stores an exchange. It is awaited after the call; what it raises is logged, never passed on."""


async def record_nothing(exchange: Exchange) -> None:
    """A recorder for where no record is wanted."""


@dataclass(slots=True)
class CallLog:
    """What one gateway call sent and was answered, in order."""

    sent: list[tuple[str, str]] = field(default_factory=list)
    answered: list[Exchange] = field(default_factory=list)
    external_identifier: str | None = None
    first_byte_by: float | None = None

    def was_sent(self, method: str, path: str) -> bool:
        """Whether this request was begun. The URL's own path prefix (a proxy's) is ignored."""
        return any(verb == method and whole.endswith(path) for verb, whole in self.sent)

    def answer(self, method: str, path: str) -> Exchange | None:
        """The last answer to this request."""
        return next(
            (each for each in reversed(self.answered) if each.method == method and each.path.endswith(path)),
            None,
        )

    @property
    def last(self) -> Exchange | None:
        """The last answer to anything."""
        return self.answered[-1] if self.answered else None


_current: ContextVar[CallLog | None] = ContextVar("senex_broker_call", default=None)


class TooLate(Exception):
    """The first byte would leave after the time it had to; none has left."""


@contextmanager
def logged_call(
    external_identifier: str | None = None, *, first_byte_by: float | None = None
) -> Iterator[CallLog]:
    """Collect what is sent and answered within the block; an outer block gets it too, afterwards.

    A request whose first byte has not left at ``first_byte_by`` (``time.monotonic()``)
    raises ``TooLate`` instead of leaving, however long its connection took to be made.
    """
    log = CallLog(external_identifier=external_identifier, first_byte_by=first_byte_by)
    outer = _current.get()
    token = _current.set(log)
    try:
        yield log
    finally:
        _current.reset(token)
        if outer is not None:
            outer.sent.extend(log.sent)
            outer.answered.extend(log.answered)


async def _on_request(request: Request) -> None:
    log = _current.get()
    if log is not None:
        log.sent.append((request.method, request.url.path))
        if log.first_byte_by is not None:
            request.extensions = {**request.extensions, "trace": _punctual(log.first_byte_by)}


def _punctual(by: float) -> Callable[[str, object], Awaitable[None]]:
    """A trace of the transport's steps that stops the request before its first byte once it is too late."""

    async def trace(step: str, _details: object) -> None:
        if step.endswith("send_request_headers.started") and time.monotonic() > by:
            raise TooLate

    return trace


async def _on_response(response: Response) -> None:
    log = _current.get()
    # 101: the socket is the streamer's from here on, and reading it as a body would break it
    if log is None or response.status_code == 101:
        return
    await response.aread()
    request = response.request
    log.answered.append(
        Exchange(
            request.method,
            request.url.path,
            response.status_code,
            redacted(_text(response)),
            log.external_identifier,
        )
    )


def _text(response: Response) -> str:
    if response.headers.get("content-type", "").startswith("application/json"):
        return response.content.decode(errors="replace")  # JSON has one encoding: none need be looked for
    return response.text


def event_hooks() -> dict[str, list[Any]]:
    """The hooks for the SDK's HTTP client."""
    return {"request": [_on_request], "response": [_on_response]}


def redacted(body: str) -> str:
    """The body with every token struck out."""
    return _SECRETS.sub(r'\1"***"', body)


async def hand_over(log: CallLog, recorder: Recorder, *, after: float = 0.0) -> None:
    """Give what was answered to the recorder; a record that fails costs the record, never the outcome."""
    if after:
        await asyncio.sleep(after)
    for exchange in log.answered:
        try:
            await recorder(exchange)
        except Exception:  # noqa: BLE001  the recorder is someone else's; the broker's answer must survive it
            _log.exception(
                "an exchange with the broker could not be recorded: %s %s", exchange.method, exchange.path
            )
