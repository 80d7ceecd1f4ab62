"""The payoff at expiry as a line of braille dots, with its corners and crossings written out."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from textual.content import Content

from senex.domain.unknown import Unknown
from tui import format as fmt
from tui.tones import line, lines, toned

if TYPE_CHECKING:
    from senex.domain.payoff import Payoff

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_MIN_WIDTH, _MIN_HEIGHT = 24, 5


def draw_payoff(
    payoff: Payoff | Unknown, *, spot: Decimal | Unknown | None, width: int, height: int
) -> Content:
    """The curve between the outer strikes and some room, zero line, spot, breakevens.

    ``height`` counts the axis below. Profit is drawn above the zero line,
    loss below; colours only repeat that.
    """
    if isinstance(payoff, Unknown):
        return toned(f"{fmt.DASH}  {fmt.clean(payoff.why)}", "dim")
    if width < _MIN_WIDTH or height < _MIN_HEIGHT:
        return toned("too narrow for a diagram", "dim")
    low, high = _range(payoff, spot)
    labels = _labels(payoff, low, high)
    gutter = max(len(text) for text in labels) + 1
    columns, rows = width - gutter - 1, height - 2
    values = [
        payoff.at(low + (high - low) * Decimal(x) / Decimal(columns * 2 - 1)) for x in range(columns * 2)
    ]
    top, bottom = max(*values, Decimal(0)), min(*values, Decimal(0))
    scale = (top - bottom) or Decimal(1)
    heights = [int((top - value) / scale * (rows * 4 - 1)) for value in values]
    zero = int(top / scale * (rows * 4 - 1)) // 4
    spot_column = _column(spot, low, high, columns)
    drawn = []
    grid = _grid(heights, columns, rows)
    for y in range(rows):
        label = labels[0] if y == 0 else labels[2] if y == rows - 1 else labels[1] if y == zero else ""
        drawn.append(
            line(
                toned(label.rjust(gutter - 1), "dim"),
                toned("┤" if label else "│", "dim"),
                _row(grid[y], y, zero=zero, spot=spot_column),
            )
        )
    return lines([*drawn, *_axis(payoff, spot, (low, high), gutter, columns)])


def _range(payoff: Payoff, spot: Decimal | Unknown | None) -> tuple[Decimal, Decimal]:
    points = [leg.option.strike for leg in payoff.lines if leg.option is not None] + list(payoff.breakevens)
    if isinstance(spot, Decimal):
        points.append(spot)
    if not points:
        points = [Decimal(100)]
    room = max((max(points) - min(points)) * Decimal("0.25"), Decimal(1))
    return max(min(points) - room, Decimal(0)), max(points) + room


def _labels(payoff: Payoff, low: Decimal, high: Decimal) -> tuple[str, str, str]:
    ends = [payoff.at(low), payoff.at(high)]
    best = payoff.best if payoff.best is not None else max(ends)
    worst = payoff.worst if payoff.worst is not None else min(ends)
    return fmt.gain(best, 0), "0", fmt.gain(worst, 0)


def _grid(heights: list[int], columns: int, rows: int) -> list[list[int]]:
    """Braille bits per cell; neighbouring dots are joined so that a steep leg is a line."""
    grid = [[0] * columns for _ in range(rows)]
    for x, here in enumerate(heights):
        before = heights[x - 1] if x else here
        step = 1 if here >= before else -1
        for dot in range(before + (step if here != before else 0), here + step, step):
            grid[dot // 4][x // 2] |= _DOTS[dot % 4][x % 2]
    return grid


def _row(bits: list[int], y: int, *, zero: int, spot: int | None) -> Content:
    tone = "gain" if y < zero else "loss" if y > zero else "strong"
    parts: list[Content] = []
    for x, cell in enumerate(bits):
        if cell:
            parts.append(toned(chr(0x2800 + cell), tone))
        elif x == spot:
            parts.append(toned("┊", "accent"))
        else:
            parts.append(toned("┈", "dim") if y == zero else Content(" "))
    return line(*parts)


def _column(value: Decimal | Unknown | None, low: Decimal, high: Decimal, columns: int) -> int | None:
    if not isinstance(value, Decimal) or not low <= value <= high:
        return None
    return min(int((value - low) / (high - low) * columns), columns - 1)


def _axis(
    payoff: Payoff,
    spot: Decimal | Unknown | None,
    span: tuple[Decimal, Decimal],
    gutter: int,
    columns: int,
) -> list[Content]:
    """The base line with a mark per strike (`┴`), breakeven (`×`) and the spot (`▲`), and their prices below."""
    low, high = span
    strikes = sorted({leg.option.strike for leg in payoff.lines if leg.option is not None})
    marks = dict.fromkeys(range(columns), "─")
    named: list[tuple[int, str, str]] = []
    for strike in strikes:
        column = _column(strike, low, high, columns)
        if column is not None:
            marks[column] = "┴"
            named.append((column, fmt.strike(strike), "dim"))
    for value in payoff.breakevens:
        column = _column(value, low, high, columns)
        if column is not None:
            marks[column] = "×"
    at = _column(spot, low, high, columns)
    if at is not None and isinstance(spot, Decimal):
        marks[at] = "▲"
        named.insert(0, (at, fmt.number(spot), "accent"))
    base = line(toned(" " * (gutter - 1) + "└", "dim"), toned("".join(marks.values()), "dim"))
    return [base, _names(named, gutter, columns)]


def _names(named: list[tuple[int, str, str]], gutter: int, columns: int) -> Content:
    """Prices under their marks; those that would touch another are left out, the spot comes first."""
    taken: list[tuple[int, int, str, str]] = []
    for column, text, tone in named:
        left = min(max(column - len(text) // 2, 0), columns - len(text))
        right = left + len(text)
        if all(right < other[0] or left > other[1] for other in taken):
            taken.append((left, right, text, tone))
    parts, x = [Content(" " * gutter)], 0
    for left, right, text, tone in sorted(taken):
        parts += [Content(" " * (left - x)), toned(text, tone)]
        x = right
    return line(*parts)
