"""Fills: what really happened to an order, and the prices that follow from it.

The limit of an order says nothing about its fill (DOMAIN F.3); credits and
targets come from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from senex.domain.net import weights
from senex.domain.unknown import Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from senex.domain.legs import Action, Leg
    from senex.domain.suggestions import SpreadPlan

_EXACT = Decimal("1e-8")


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution of one leg; ``price`` is unsigned, ``id`` is our own and orders them."""

    id: int
    symbol: str
    action: Action
    quantity: int
    price: Decimal


def filled_quantities(fills: Iterable[Fill]) -> dict[str, int]:
    """Contracts filled per symbol."""
    filled: dict[str, int] = {}
    for fill in fills:
        filled[fill.symbol] = filled.get(fill.symbol, 0) + fill.quantity
    return filled


def net_fill(legs: Sequence[Leg], fills: Iterable[Fill]) -> Decimal | Unknown:
    """The signed fill price of legs per reduced unit, each leg at its volume-weighted average."""
    return _net(legs, _averages(fills))


def spread_credits(spreads: Iterable[SpreadPlan], fills: Iterable[Fill]) -> dict[str, Decimal | Unknown]:
    """Each spread's signed opening credit per share, from the actual fills (DOMAIN 0.2).

    Every leg counts at the volume-weighted average of the whole order, so two
    spreads on one strike get the same price for it, whichever contract came
    first, and the credits sum to the net fill.
    """
    averages = _averages(fills)
    return {spread.key: _net(spread.legs, averages) for spread in spreads}


def _averages(fills: Iterable[Fill]) -> dict[str, Fraction]:
    """Volume-weighted price per symbol, exact."""
    paid: dict[str, tuple[Fraction, int]] = {}
    for fill in fills:
        amount, quantity = paid.get(fill.symbol, (Fraction(0), 0))
        paid[fill.symbol] = (amount + Fraction(fill.price) * fill.quantity, quantity + fill.quantity)
    return {symbol: amount / quantity for symbol, (amount, quantity) in paid.items()}


def _net(legs: Sequence[Leg], averages: Mapping[str, Fraction]) -> Decimal | Unknown:
    parts = weights(legs)
    if isinstance(parts, Unknown):
        return parts
    total = Fraction(0)
    for leg, weight in zip(legs, parts, strict=True):
        price = averages.get(leg.symbol)
        if price is None:
            return Unknown(f"{leg.symbol} has not filled yet")
        total += Fraction(weight) * price
    return (Decimal(total.numerator) / Decimal(total.denominator)).quantize(_EXACT, rounding=ROUND_HALF_EVEN)
