"""Tones → theme colours, and small builders of styled text. No markup is ever parsed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tui.format import Cell

STYLES = {
    "": "",
    "gain": "$text-success",
    "loss": "$text-error",
    "dim": "$foreground-muted",
    "warn": "$text-warning",
    "bad": "$text-error bold",
    "good": "$text-success",
    "strong": "bold",
    "accent": "$text-accent",
    "title": "bold $text-primary",
}


def toned(text: str, tone: str = "", *, stale: bool = False) -> Content:
    """Plain text in a tone."""
    style = f"{STYLES[tone]} dim".strip() if stale else STYLES[tone]
    return Content.styled(text, style) if style else Content(text)


def of_cell(cell: Cell) -> Content:
    """A cell as text."""
    return toned(cell.text, cell.tone, stale=cell.stale)


def line(*parts: Content | str) -> Content:
    """Parts on one line."""
    return Content("").join(part if isinstance(part, Content) else Content(part) for part in parts)


def lines(rows: Iterable[Content]) -> Content:
    """Rows below each other."""
    return Content("\n").join(rows)


def spread(left: Content, right: Content, width: int) -> Content:
    """Left and right edge of one line; the left gives way when it is tight."""
    room = width - right.cell_length - 1
    if left.cell_length > room:
        left = left.truncate(max(room, 0), ellipsis=True)
    return line(left, " " * max(width - left.cell_length - right.cell_length, 1), right)


def beside(left: Content, right: Content, width: int) -> Content:
    """Two texts next to each other; the left takes ``width`` cells."""
    rows_left, rows_right = left.split("\n", allow_blank=True), right.split("\n", allow_blank=True)
    count = max(len(rows_left), len(rows_right))
    padded = [rows_left[i] if i < len(rows_left) else Content("") for i in range(count)]
    tails = [rows_right[i] if i < len(rows_right) else Content("") for i in range(count)]
    return lines(
        line(head.truncate(width, ellipsis=True), " " * max(width - head.cell_length, 0), tail)
        for head, tail in zip(padded, tails, strict=True)
    )
