"""The broker's JSON: envelopes, errors, signs, and how each record looks on the wire."""

from __future__ import annotations

from contextvars import ContextVar
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from senex.simulator.books.records import Entry

Json = dict[str, object]
_LARGEST_PAGE = 2000
_LARGEST_NUMBER = 10**12


def _default(value: object) -> str:
    if isinstance(value, Decimal):
        return plain(value)
    raise TypeError(type(value).__name__)


def dumps(body: object) -> bytes:
    """JSON as the broker writes it: decimals as strings, times in UTC."""
    return orjson.dumps(body, default=_default, option=orjson.OPT_UTC_Z)


def plain(value: Decimal) -> str:
    """A decimal without exponent."""
    return f"{value:f}"


def reply(body: object, status: int = 200) -> web.Response:
    """A JSON response."""
    return web.Response(body=dumps(body), status=status, content_type="application/json")


class Invalid(ValueError):
    """A request's field that the broker refuses."""

    def __init__(self, domain: str, reason: str = "is invalid") -> None:
        super().__init__(f"{domain} {reason}")
        self.domain = domain
        self.reason = reason


CONTEXT: ContextVar[str] = ContextVar("context", default="")
"""The path that is being answered; envelopes tell it."""


def enveloped(content: object, status: int = 200, **more: object) -> web.Response:
    """Any content in the broker's envelope."""
    return reply({"data": content, "api-version": "v1", "context": CONTEXT.get(), **more}, status)


def data(content: Mapping[str, object], status: int = 200) -> web.Response:
    """One object in the broker's envelope."""
    return enveloped(content, status)


def items(content: Iterable[object]) -> web.Response:
    """A list in the broker's envelope."""
    return enveloped({"items": list(content)})


def page(content: Sequence[Json], query: Mapping[str, str], default: int) -> web.Response:
    """One page of a list, with the pagination the SDK loops by.

    Raises:
        Invalid: the page's size or number.
    """
    size = min(_LARGEST_PAGE, whole(query, "per-page", default, least=1))
    offset = whole(query, "page-offset", 0)
    part = content[offset * size : (offset + 1) * size]
    pages = (len(content) + size - 1) // size
    return enveloped(
        {"items": part},
        pagination={
            "per-page": size,
            "page-offset": offset,
            "item-offset": offset * size,
            "total-items": len(content),
            "total-pages": pages,
            "current-item-count": len(part),
            "previous-link": None,
            "next-link": None,
            "paging-link-template": None,
        },
    )


def whole(query: Mapping[str, str], name: str, default: int, *, least: int = 0) -> int:
    """A whole number from a query.

    Raises:
        Invalid: it is none, or too small.
    """
    text = query.get(name)
    if text is None:
        return default
    if not text.isdecimal() or int(text) < least:
        raise Invalid(name)
    return int(text)


async def body_of(request: web.Request) -> Json:
    """The JSON object that a request brings.

    Raises:
        ValueError: it brings something else.
    """
    body = await request.json()
    if not isinstance(body, dict):
        raise ValueError("The body is no JSON object")  # noqa: TRY004  answered as a refusal like the others
    return body


def number(told: object) -> Decimal:
    """A number that a client wrote: finite, and of a size that money and quantities have.

    Raises:
        ValueError: it is none.
    """
    try:
        value = Decimal(str(told))
    except InvalidOperation:
        raise ValueError(f"{told!r} is not a number") from None
    if not value.is_finite() or abs(value) > _LARGEST_NUMBER:
        raise ValueError(f"{told!r} is not a number up to {_LARGEST_NUMBER}")
    return value


def flag(query: Mapping[str, str], name: str) -> bool | None:
    """A yes or no from a query; None when it is not asked.

    Raises:
        Invalid: it is neither.
    """
    text = query.get(name)
    if text is not None and text not in {"true", "false"}:
        raise Invalid(name)
    return None if text is None else text == "true"


def invalid(problem: Invalid) -> web.Response:
    """400 in the broker's shape."""
    body: Json = {
        "code": "validation_error",
        "message": "Request validation failed",
        "errors": [{"domain": problem.domain, "reason": problem.reason}],
    }
    return reply({"error": body}, 400)


def error(status: int, code: str, message: str, problems: Iterable[tuple[str, str]] = ()) -> web.Response:
    """A refusal in the broker's shape."""
    body: Json = {"code": code, "message": message}
    inner = [{"code": inner_code, "message": text} for inner_code, text in problems]
    if inner:
        body["errors"] = inner
    return reply({"error": body}, status)


def not_found(what: str) -> web.Response:
    """404 in the broker's shape."""
    return error(404, "record_not_found", f"Couldn't find {what}")


def signed(name: str, value: Decimal) -> Json:
    """A money field and its effect: unsigned on the wire, the sign in words."""
    effect = "None" if value == 0 else "Credit" if value > 0 else "Debit"
    return {name: plain(abs(value)), f"{name}-effect": effect}


def transaction(entry: Entry) -> Json:
    """A ledger entry."""
    body: Json = {
        "id": entry.id,
        "account-number": entry.account,
        "executed-at": stamp(entry.executed_at),
        "transaction-date": entry.day,
        "transaction-type": entry.type,
        "transaction-sub-type": entry.sub_type,
        "description": entry.description,
        **signed("value", entry.value),
        **signed("net-value", entry.net_value),
        "is-estimated-fee": False,
    }
    if entry.symbol is None:
        return body
    body |= {
        **signed("commission", -entry.commission),
        **signed("clearing-fees", -entry.clearing_fees),
        **signed("regulatory-fees", -entry.regulatory_fees),
        **signed("proprietary-index-option-fees", -entry.proprietary_fees),
        "symbol": entry.symbol,
        "instrument-type": entry.instrument,
        "underlying-symbol": entry.underlying,
    }
    if entry.action is not None:
        body["quantity"] = str(entry.quantity)
        if entry.type == "Trade" or entry.sub_type == entry.action:  # what is taken away has no action
            body["action"] = entry.action
    if entry.price is not None:
        body["price"] = plain(entry.price)
    if entry.order_id is not None:
        body |= {
            "order-id": entry.order_id,
            "exec-id": entry.fill_id,
            "ext-exec-id": entry.fill_id,
            "leg-count": entry.leg_count,
            "destination-venue": "SIMULATOR",
        }
    return body


def stamp(instant: datetime) -> str:
    """An instant as ISO text with milliseconds."""
    return instant.isoformat(timespec="milliseconds")


def instant_of(text: str, domain: str = "datetime") -> datetime:
    """An instant from a query; one without an offset is UTC.

    Raises:
        Invalid: it is none.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(domain) from None
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)


def day_of(text: str, domain: str = "date") -> date:
    """A date from a query.

    Raises:
        Invalid: it is none.
    """
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise Invalid(domain) from None
