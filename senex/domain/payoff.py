"""What a set of options and shares is worth at expiry: piecewise linear, so its corners tell all.

Amounts are dollars, prices dollars per share of the underlying.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from senex.domain.money import ZERO
from senex.domain.symbols import OptionSymbol, Right
from senex.domain.unknown import Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from senex.domain.legs import Leg

_OCC_LENGTH = 21


@dataclass(frozen=True, slots=True)
class Line:
    """So much of one instrument, ``shares`` signed (+ long, contracts × 100). ``option`` None is stock."""

    shares: int
    option: OptionSymbol | None

    def value(self, spot: Decimal) -> Decimal:
        """Worth in dollars at expiry with the underlying at ``spot``."""
        if self.option is None:
            return self.shares * spot
        call = self.option.right is Right.CALL
        depth = spot - self.option.strike if call else self.option.strike - spot
        return self.shares * max(depth, ZERO)

    @property
    def slope_above(self) -> int:
        """Dollars gained per dollar of rise far above every strike."""
        rises = self.option is None or self.option.right is Right.CALL
        return self.shares if rises else 0


@dataclass(frozen=True, slots=True)
class Payoff:
    """The result at expiry: what the lines are worth plus ``cash`` received for them (− when paid).

    ``worst`` and ``best`` are dollars, None where they have no bound.
    """

    lines: tuple[Line, ...]
    cash: Decimal
    worst: Decimal | None
    best: Decimal | None
    breakevens: tuple[Decimal, ...]

    def at(self, spot: Decimal) -> Decimal:
        """Profit or loss in dollars at ``spot``."""
        return self.cash + sum((line.value(spot) for line in self.lines), ZERO)


def payoff(lines: Iterable[Line], cash: Decimal) -> Payoff | Unknown:
    """The result at expiry, with its extremes and where it crosses zero.

    Unknown when the options expire on different days or belong to different
    roots: then no single price decides.
    """
    known = tuple(lines)
    kinds = {(line.option.root, line.option.expiry) for line in known if line.option is not None}
    if len(kinds) > 1:
        return Unknown(
            "the legs expire on different days or roots, so their result at expiry is not one curve"
        )
    bare = Payoff(known, cash, None, None, ())
    corners = sorted({ZERO, *(line.option.strike for line in known if line.option is not None)})
    values = [bare.at(spot) for spot in corners]
    slope = sum(line.slope_above for line in known)
    return Payoff(
        known,
        cash,
        worst=None if slope < 0 else min(values),
        best=None if slope > 0 else max(values),
        breakevens=_crossings(corners, values, slope),
    )


def payoff_of_legs(legs: Iterable[Leg], cash: Decimal) -> Payoff | Unknown:
    """The result of opening legs for ``cash`` dollars in total (credit +)."""
    return payoff(
        (line_of(leg.symbol, leg.signed_quantity * leg.instrument.multiplier) for leg in legs), cash
    )


def line_of(symbol: str, shares: int) -> Line:
    """A line of an OCC symbol (21 characters) or of stock."""
    return Line(shares, OptionSymbol.from_occ(symbol) if len(symbol) == _OCC_LENGTH else None)


def _crossings(corners: Sequence[Decimal], values: Sequence[Decimal], slope: int) -> tuple[Decimal, ...]:
    """Where the curve passes from loss to profit or back, ascending; a flat stretch at zero is no crossing."""
    found: list[Decimal] = []
    for index in range(len(corners) - 1):
        left, right = values[index], values[index + 1]
        if left * right < 0:
            share = left / (left - right)
            found.append(corners[index] + share * (corners[index + 1] - corners[index]))
        elif right == 0 and _changes(values, slope, index + 1):
            found.append(corners[index + 1])
    if values[-1] * slope < 0:
        found.append(corners[-1] - values[-1] / slope)
    return tuple(found)


def _changes(values: Sequence[Decimal], slope: int, index: int) -> bool:
    """Whether the sign differs on the two sides of the corner ``index``, which is at zero."""
    following = values[index + 1] if index + 1 < len(values) else Decimal(slope)
    return values[index - 1] * following < 0
