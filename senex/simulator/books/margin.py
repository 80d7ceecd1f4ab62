"""Margin: the worst outcome at expiry of what is held on an underlying.

Two-sided spreads need the larger of their sides, because both cannot lose.
Calls that nothing covers need 20 % of the underlying's value.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING

from senex.domain.money import ZERO, cents
from senex.simulator.books.records import SHARES_PER_CONTRACT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import date

    from senex.simulator.books.records import Quantity

_NAKED_SHARE = Decimal("0.20")
_STOCK_SHARE = Decimal("0.50")


@dataclass(frozen=True, slots=True)
class OptionLine:
    """A net option position: ``quantity`` is signed."""

    underlying: str
    expiry: date
    is_call: bool
    strike: Decimal
    quantity: int


def requirement(
    options: Iterable[OptionLine], stocks: Mapping[str, Quantity], spot: Callable[[str], Decimal]
) -> Decimal:
    """The maintenance requirement in dollars of an account's positions."""
    lines = sorted((line for line in options if line.quantity), key=lambda line: line.underlying)
    total = ZERO
    for symbol, group in groupby(lines, key=lambda line: line.underlying):
        known = list(group)
        for together in _groups(known):
            total += _worst(together, spot(symbol))
    for symbol, shares in stocks.items():
        share = _STOCK_SHARE if shares > 0 else 1 + _STOCK_SHARE
        total += (shares if shares > 0 else -shares) * spot(symbol) * share
    return cents(total)


def _groups(lines: list[OptionLine]) -> list[list[OptionLine]]:
    shorts = [line.expiry for line in lines if line.quantity < 0]
    longs = [line.expiry for line in lines if line.quantity > 0]
    if not shorts:
        return []
    if longs and max(shorts) <= min(longs):
        return [lines]
    lines = sorted(lines, key=lambda line: line.expiry)
    return [list(group) for _, group in groupby(lines, key=lambda line: line.expiry)]


def _worst(lines: list[OptionLine], spot: Decimal) -> Decimal:
    prices = [ZERO, *(line.strike for line in lines)]
    worst = min(ZERO, *(sum((_value(line, price) for line in lines), ZERO) for price in prices))
    naked = -min(0, sum(line.quantity for line in lines if line.is_call))
    return (naked * spot * _NAKED_SHARE - worst) * SHARES_PER_CONTRACT


def _value(line: OptionLine, price: Decimal) -> Decimal:
    inside = price - line.strike if line.is_call else line.strike - price
    return max(ZERO, inside) * line.quantity
