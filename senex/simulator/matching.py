"""Matching: when an order fills, at which net price, and how that price splits over its legs.

All prices are whole cents. A net price is signed (credit +) per reduced unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from senex.simulator.books.records import Order
    from senex.simulator.market.draws import Draws
    from senex.simulator.market.quotes import Quote

_IMPROVEMENT = 8
_SHY = -0.5
_MID = 0.25
_PATIENT = 0.45
_LONG_WAIT = 60


@dataclass(frozen=True, slots=True)
class Side:
    """One leg as matching sees it: ``sign`` is +1 for a sale (credit), ``ratio`` per reduced unit."""

    symbol: str
    sign: int
    ratio: int
    bid: int
    ask: int

    @property
    def natural(self) -> int:
        """The worst price: sell at the bid, buy at the ask."""
        return self.bid if self.sign > 0 else self.ask

    @property
    def opposite(self) -> int:
        """The best price."""
        return self.ask if self.sign > 0 else self.bid


def sides_of(order: Order, quotes: Mapping[str, Quote]) -> tuple[Side, ...]:
    """The legs of an order with their quotes."""
    units = order.units
    return tuple(
        Side(
            leg.symbol,
            -leg.action.sign,
            order.lots(leg) // units,
            quotes[leg.symbol].bid,
            quotes[leg.symbol].ask,
        )
        for leg in order.legs
    )


def natural(sides: Sequence[Side]) -> int:
    """The net price that is there for the taking."""
    return sum(side.sign * side.ratio * side.natural for side in sides)


def opposite(sides: Sequence[Side]) -> int:
    """The net price if every leg were filled on the far side."""
    return sum(side.sign * side.ratio * side.opposite for side in sides)


def patience(draws: Draws, order_id: int, age: int) -> float:
    """How far from mid (0) towards the opposite side (1) somebody takes an order after ``age`` ticks."""
    wait = 2 + draws.whole(0, 8, "queue", order_id)
    waiting = min(1.0, age / wait)
    longer = min(1.0, age / _LONG_WAIT)
    return _SHY + (_MID - _SHY) * waiting + (_PATIENT - _MID) * longer


def net_price(limit: int | None, sides: Sequence[Side], willing: float) -> int | None:
    """The net price an order fills at now; None while it waits.

    A limit of None is a market order. Never outside natural and opposite.
    """
    worst, best = natural(sides), opposite(sides)
    if limit is None:
        return worst
    if limit <= worst:
        return max(limit, worst + (best - worst) // _IMPROVEMENT)
    if limit > best:
        return None
    half = (best - worst) / 2
    return limit if (limit - (worst + best) / 2) / half <= willing else None


def split(net: int, sides: Sequence[Side]) -> dict[str, int]:
    """Leg prices that sum to the net price, each inside its bid and ask where a solution exists.

    Among the solutions the one that shares the distance from natural most evenly.
    """
    worst, best = natural(sides), opposite(sides)
    share = 0.0 if best == worst else (net - worst) / (best - worst)
    for reach in (0, 2, 8):
        solution = _search(net - worst, sides, share, reach)
        if solution is not None:
            break
    else:
        spare = min(sides, key=lambda side: side.ratio)
        solution = [(net - worst) // spare.ratio if side is spare else 0 for side in sides]
    return {
        side.symbol: side.natural + side.sign * better for side, better in zip(sides, solution, strict=True)
    }


def _search(gain: int, sides: Sequence[Side], share: float, reach: int) -> list[int] | None:
    last = min(range(len(sides)), key=lambda index: sides[index].ratio)
    ideals = [share * (side.ask - side.bid) for side in sides]
    ranges = [
        range(1) if index == last else _near(ideals[index], side.ask - side.bid, reach)
        for index, side in enumerate(sides)
    ]
    found: tuple[float, list[int]] | None = None
    for chosen in product(*ranges):
        rest = gain - sum(side.ratio * better for side, better in zip(sides, chosen, strict=True))
        better, odd = divmod(rest, sides[last].ratio)
        width = sides[last].ask - sides[last].bid
        if (
            odd
            or not -reach <= better <= width + reach
            or sides[last].natural + sides[last].sign * better < 0
        ):
            continue
        candidate = [*chosen[:last], better, *chosen[last + 1 :]]
        cost = sum((one - ideal) ** 2 for one, ideal in zip(candidate, ideals, strict=True))
        if found is None or cost < found[0]:
            found = (cost, candidate)
    return None if found is None else found[1]


def _near(ideal: float, width: int, reach: int) -> range:
    centre = int(ideal)
    return range(max(-reach, centre - 3), min(width + reach, centre + 4) + 1)
