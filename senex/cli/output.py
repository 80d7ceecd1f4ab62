"""What commands print: data on stdout, as JSON or as plain columns. Narration goes to stderr."""

from __future__ import annotations

import json
import re
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

VERSION = 1
"""Of the JSON shapes: raised when a field changes its meaning or goes."""
UNKNOWN = "—"
_FIGURE = re.compile(r"(?:[+-]?\$?[\d,]+(?:\.\d+)?(?: (?:credit|debit|even))?|—)?")

json_option: Callable[[Any], Any] = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def print_json(**data: object) -> None:
    """One JSON object: ``version`` and what is given. Decimals are strings, times ISO 8601 in UTC."""
    click.echo(json.dumps({"version": VERSION, **plain(data)}, indent=2))


def plain(value: object) -> Any:
    """A value as JSON knows it."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, Decimal):
        return number(value)
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, bytes):
        return None  # nothing binary is data
    return str(value) if isinstance(value, UUID) else value


def number(value: Decimal) -> str:
    """Exact, without needless zeros, at least two places unless whole."""
    text = f"{value.normalize():f}"
    whole, point, places = text.partition(".")
    return f"{whole}.{places.ljust(2, '0')}" if point else whole


def money(value: Decimal | None) -> str:
    """Dollars with separators; unknown is a dash."""
    return UNKNOWN if value is None else f"{'-' if value < 0 else ''}${abs(value):,.2f}"


def gain(value: Decimal | None) -> str:
    """A profit or loss: dollars whose sign is always said."""
    return f"+{money(value)}" if value is not None and value > 0 else money(value)


def share_price(value: Decimal | None) -> str:
    """A price per share; a half cent keeps its third place."""
    if value is None:
        return UNKNOWN
    return f"{value:.{2 if value == round(value, 2) else 3}f}"


def price(value: Decimal | None) -> str:
    """A signed price in words: what is received or paid per share."""
    if value is None:
        return UNKNOWN
    side = "credit" if value > 0 else "debit" if value < 0 else "even"
    return f"{share_price(abs(value))} {side}"


def short(identifier: UUID | None) -> str:
    """Enough of an id to type."""
    return UNKNOWN if identifier is None else str(identifier)[:8]


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str) -> None:
    """Plain columns, those of figures to the right; ``empty`` says in words that there are no rows."""
    listed = [tuple(_clean(cell) for cell in row) for row in rows]
    if not listed:
        click.echo(empty)
        return
    columns = range(len(headings))
    widths = [max(len(row[i]) for row in (tuple(headings), *listed)) for i in columns]
    figures = [any(headings) and all(_FIGURE.fullmatch(row[i]) for row in listed) for i in columns]
    for row in (tuple(headings), *listed) if any(headings) else listed:
        cells = (row[i].rjust(widths[i]) if figures[i] else row[i].ljust(widths[i]) for i in columns)
        click.echo("  ".join(cells).rstrip())


def _clean(cell: str) -> str:
    """Texts from outside must not move the cursor or fake a line."""
    return "".join(letter if letter.isprintable() else "?" for letter in cell)
