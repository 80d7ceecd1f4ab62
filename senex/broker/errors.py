"""The SDK's errors, the transport's and the parser's, in our words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx2
from httpx2.websockets import HTTPXWSException
from pydantic import ValidationError
from tastytrade.utils import TastytradeError

from senex.broker.recorder import TOKEN_PATH
from senex.domain.errors import Refused, SenexError, Unavailable, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from senex.broker.recorder import CallLog, Exchange

DEFINITE_STATUSES = frozenset({400, 401, 403, 404, 422, 429})
"""Statuses that, with a broker error in the body, say for certain that nothing was done."""

WIRE_ERRORS: tuple[type[Exception], ...] = (
    TastytradeError,
    httpx2.HTTPError,
    httpx2.InvalidURL,
    HTTPXWSException,
    ValidationError,
    KeyError,
    TypeError,
    ValueError,
    IndexError,
    OSError,
    ExceptionGroup,
)
"""All that may come out of the SDK; it leaks what its parsers and its transport raise."""


class TokenRefused(SenexError):
    """The broker refused the login; asking again soon would get the address blocked."""


def token_refused(detail: str) -> TokenRefused:
    """The error for a login the broker does not accept."""
    why = f" ({detail})" if detail else ""
    return TokenRefused(
        "E_BROKER_TOKEN",
        f"The broker refused the login{why}. Check SENEX_BROKER_CLIENT_SECRET and SENEX_BROKER_REFRESH_TOKEN; "
        "senex asks again in a minute.",
    )


def broker_errors(body: str) -> tuple[str, ...]:
    """The ``code: message`` lines of an error body; none when it is not the broker's error form."""
    try:
        loaded = json.loads(body)
    except ValueError:
        return ()
    content = loaded.get("error") if isinstance(loaded, dict) else None
    if not isinstance(content, dict):
        return ()
    inner = content.get("errors")
    several = inner if isinstance(inner, list) and inner else [content]
    return tuple(
        f"{each.get('code') or each.get('domain')}: {each.get('message') or each.get('reason')}"
        for each in several
        if isinstance(each, dict) and (each.get("code") or each.get("domain"))
    )


def translate(problem: Exception, log: CallLog, what: str) -> SenexError:
    """Say what a failed read came to."""
    if isinstance(problem, SenexError):
        return problem
    answer = log.last
    if _never_answered(problem) or answer is None:
        return Unavailable(
            "E_BROKER_AWAY",
            f"The broker does not answer ({type(problem).__name__}) while senex was {what}; it is tried again.",
        )
    if answer.status // 100 == 2:
        return Unavailable(
            "E_BROKER_ANSWER",
            f"The broker answered {answer.method} {answer.path} with what senex cannot read "
            f"({type(problem).__name__}); its raw bytes are kept, and nothing is decided on them.",
        )
    return _by_status(answer, what)


def _by_status(answer: Exchange, what: str) -> SenexError:
    reasons = broker_errors(answer.body)
    detail = "; ".join(reasons) or f"HTTP {answer.status}"
    if answer.status == 429:
        return Unavailable(
            "E_BROKER_BUSY", f"The broker asks for patience ({detail}); senex waits and tries again."
        )
    if answer.status in {401, 403}:
        return UsageProblem(
            "E_BROKER_TOKEN",
            f"The broker refused {answer.method} {answer.path} ({detail}); the session is renewed and, if that does "
            "not help, check the refresh token and its scopes.",
        )
    if answer.status >= 500 or answer.status in {408, 425} or answer.path.endswith(TOKEN_PATH):
        return Unavailable(
            "E_BROKER_AWAY", f"The broker failed ({detail}) while senex was {what}; it is tried again."
        )
    if answer.status == 422:
        return Refused(
            "E_BROKER_PREFLIGHT", f"The broker would refuse this order: {detail}.", reasons=reasons
        )
    return UsageProblem("E_BROKER_REQUEST", f"The broker did not accept what senex was {what} ({detail}).")


def _never_answered(problem: Exception) -> bool:
    if isinstance(problem, ExceptionGroup):
        return any(_never_answered(each) for each in leaves(problem))
    return isinstance(problem, httpx2.TransportError | HTTPXWSException | OSError)


def leaves(group: BaseException) -> Iterator[Exception]:
    """The plain exceptions of nested groups."""
    if isinstance(group, BaseExceptionGroup):
        for each in group.exceptions:
            yield from leaves(each)
    elif isinstance(group, Exception):
        yield group


def refused_before_a_byte(problem: BaseException) -> bool:
    """Whether the connection itself failed, so that certainly nothing was sent on it."""
    return isinstance(
        problem, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout | httpx2.ProxyError
    )
