"""Profit targets: one resting closing order per spread, sized to what filled.

Works from spread plans and credits alone, so no strategy is known here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from senex.domain.legs import reduction
from senex.domain.money import CONTRACT_MULTIPLIER, ceil_to_tick, floor_to_tick
from senex.domain.orders import TimeInForce
from senex.domain.payoff import payoff_of_legs
from senex.domain.unknown import Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal

    from senex.domain.legs import Leg
    from senex.domain.suggestions import SpreadPlan


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """A profit target to place: closing legs and a signed limit (− pays a debit) per reduced unit."""

    spread_key: str
    legs: tuple[Leg, ...]
    limit: Decimal
    share: Decimal
    time_in_force: TimeInForce = TimeInForce.GTC


@dataclass(frozen=True, slots=True)
class Targets:
    """The targets a position should have, and the spreads that can have none, with why."""

    specs: tuple[TargetSpec, ...]
    without: Mapping[str, Unknown]


def target_price(spread: SpreadPlan, credit: Decimal, share: Decimal, tick: Decimal) -> Decimal | Unknown:
    """The signed limit at which ``share`` of the spread's profit is taken.

    A credit c is bought back for c·(1−p), rounded down to the tick and at least
    one tick (DOMAIN 0.2). A debit d is sold for d + p·(maximum profit), or
    d·(1+p) where profit has no bound, rounded up to the tick.
    """
    if credit > 0:
        return -max(floor_to_tick(credit * (1 - share), tick), tick)
    units = reduction(spread.legs)
    result = payoff_of_legs(spread.legs, credit * units * CONTRACT_MULTIPLIER)
    if isinstance(result, Unknown):
        return result
    if result.best is not None and result.best <= 0:
        return Unknown(f"{spread.key} opened for {credit} cannot make a profit, so it has no target")
    best = -credit if result.best is None else result.best / (units * CONTRACT_MULTIPLIER)
    return ceil_to_tick(-credit + share * best, tick)


def target_specs(
    spreads: Iterable[SpreadPlan],
    *,
    units: Mapping[str, int],
    credits: Mapping[str, Decimal | Unknown],  # noqa: A002  what DOMAIN calls them; the builtin is interactive
    tick: Decimal,
) -> Targets:
    """The targets of a position: for each planned spread, the whole open ``units`` at its own credit.

    Spreads with nothing open or no planned target are passed over; one whose
    credit is not known is named in ``without``.
    """
    specs: list[TargetSpec] = []
    without: dict[str, Unknown] = {}
    for spread in spreads:
        count = units.get(spread.key, 0)
        if count == 0 or spread.target_share is None:
            continue
        credit = credits.get(spread.key, Unknown(f"the opening credit of {spread.key} is not known"))
        price = (
            credit if isinstance(credit, Unknown) else target_price(spread, credit, spread.target_share, tick)
        )
        if isinstance(price, Unknown):
            without[spread.key] = price
            continue
        legs = tuple(leg.times(count).closed() for leg in spread.legs)
        specs.append(TargetSpec(spread.key, legs, price, spread.target_share))
    return Targets(tuple(specs), without)
