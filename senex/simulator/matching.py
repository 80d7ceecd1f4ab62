"""Matching: when an order fills, at which net price, and how that price splits over its legs.

All prices are whole cents. A net price is signed (credit +) per reduced unit
of a *block*: the part of an order that fills together.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from senex.domain.legs import InstrumentType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from senex.simulator.books.records import Order, OrderLeg
    from senex.simulator.market.draws import Draws
    from senex.simulator.market.quotes import Quote

_ROUND_LOT = 100
_IMPROVEMENT = 8
_SHY = -0.5
_MID = 0.25
_PATIENT = 0.45
_LONG_WAIT = 60


@dataclass(frozen=True, slots=True)
class Side:
    """One leg as matching sees it: ``sign`` is +1 for a sale (credit), ``ratio`` per reduced unit.

    ``sizes`` are how many lots are there at bid and ask.
    """

    symbol: str
    sign: int
    ratio: int
    bid: int
    ask: int
    sizes: tuple[int, int] = (1, 1)

    @property
    def natural(self) -> int:
        """The worst price: sell at the bid, buy at the ask."""
        return self.bid if self.sign > 0 else self.ask

    @property
    def opposite(self) -> int:
        """The best price."""
        return self.ask if self.sign > 0 else self.bid

    @property
    def depth(self) -> int | None:
        """How many lots are there to be taken; None where a price of zero has no size."""
        size = self.sizes[0] if self.sign > 0 else self.sizes[1]
        return size if self.natural else None


@dataclass(frozen=True, slots=True)
class Block:
    """What of an order fills together: lots by symbol and unit, how many such units, and their limit.

    A limit of None takes what is there. ``catches_up`` is a block that restores a broken ratio.
    """

    lots: Mapping[str, int]
    units: int
    limit: int | None
    catches_up: bool = False


def next_block(order: Order, *, market: bool) -> Block:
    """What of an order is to fill next: whole units, or first the legs that lag behind others.

    The limit of lagging legs is what is left of the whole: units begun at the
    order's limit, less what their other legs brought.
    """
    units = order.units
    per_unit = {leg.symbol: max(1, order.lots(leg) // units) for leg in order.legs}
    filled = {leg.symbol: order.lots(leg, leg.filled) for leg in order.legs}
    limit = None if market or order.price is None else int(order.price * 100)
    begun = max(-(-filled[symbol] // lots) for symbol, lots in per_unit.items())
    lagging = {
        symbol: begun * lots - filled[symbol]
        for symbol, lots in per_unit.items()
        if begun * lots > filled[symbol]
    }
    if not lagging:
        return Block(per_unit, units - begun, limit)
    brought = sum(
        -leg.action.sign * order.lots(leg, fill.quantity) * int(fill.price * 100)
        for leg in order.legs
        for fill in leg.fills
    )
    return Block(lagging, 1, None if limit is None else limit * begun - brought, catches_up=True)


def sides_of(order: Order, block: Block, quotes: Mapping[str, Quote]) -> tuple[Side, ...]:
    """The legs of a block with their quotes."""
    return tuple(
        Side(
            leg.symbol,
            -leg.action.sign,
            block.lots[leg.symbol],
            quotes[leg.symbol].bid,
            quotes[leg.symbol].ask,
            _lots_at(order, leg, quotes[leg.symbol]),
        )
        for leg in order.legs
        if leg.symbol in block.lots
    )


def _lots_at(order: Order, leg: OrderLeg, quote: Quote) -> tuple[int, int]:
    """The sizes at bid and ask in the order's lots: shares are quoted in hundreds."""
    hundreds = leg.instrument is InstrumentType.EQUITY and order.per_share == 1
    lot = _ROUND_LOT if hundreds else 1
    return quote.bid_size * lot, quote.ask_size * lot


def depth(sides: Sequence[Side], most: int) -> int:
    """How many units the sizes at the far side allow, at most ``most``."""
    return min([most, *(side.depth // side.ratio for side in sides if side.depth is not None)])


def stopped(order: Order, sides: Sequence[Side]) -> bool:
    """Whether a stop is reached: what closing costs now is at or beyond the trigger.

    A sale stops when its bid is at or below the trigger, a purchase when its ask
    is at or above; several legs by their net price at natural.
    """
    if order.stop_trigger is None:
        return False
    trigger, now = int(order.stop_trigger * 100), natural(sides)
    debit = sides[0].sign < 0 if len(sides) == 1 else order.price is not None and order.price < 0
    return -now >= trigger if debit else now <= trigger


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
    """Leg prices inside their quotes that sum to the net price, or to the next better one that can be had.

    Ratios such as 2:3 leave gaps between the sums; the order then gains a cent
    or two. Among the solutions the one that shares the distance from natural
    most evenly. A net price beyond the opposite side (a forced fill) puts what
    is beyond on one leg.
    """
    worst, best = natural(sides), opposite(sides)
    if net > best:
        return _beyond(net - best, sides)
    for aim in range(net, best + 1):
        share = 0.0 if best == worst else (aim - worst) / (best - worst)
        solution = _search(aim - worst, sides, share)
        if solution is not None:
            break
    else:
        solution = [side.ask - side.bid for side in sides]
    return {
        side.symbol: side.natural + side.sign * better for side, better in zip(sides, solution, strict=True)
    }


def _beyond(excess: int, sides: Sequence[Side]) -> dict[str, int]:
    prices = {side.symbol: side.opposite for side in sides}
    spare = max(sides, key=lambda side: (side.sign, -side.ratio))
    prices[spare.symbol] = max(0, prices[spare.symbol] + spare.sign * -(-excess // spare.ratio))
    return prices


def _search(gain: int, sides: Sequence[Side], share: float) -> list[int] | None:
    last = min(range(len(sides)), key=lambda index: sides[index].ratio)
    ideals = [share * (side.ask - side.bid) for side in sides]
    ranges = [
        range(1) if index == last else _near(ideals[index], side.ask - side.bid)
        for index, side in enumerate(sides)
    ]
    found: tuple[float, list[int]] | None = None
    for chosen in product(*ranges):
        rest = gain - sum(side.ratio * better for side, better in zip(sides, chosen, strict=True))
        better, odd = divmod(rest, sides[last].ratio)
        if odd or not 0 <= better <= sides[last].ask - sides[last].bid:
            continue
        candidate = [*chosen[:last], better, *chosen[last + 1 :]]
        cost = sum((one - ideal) ** 2 for one, ideal in zip(candidate, ideals, strict=True))
        if found is None or cost < found[0]:
            found = (cost, candidate)
    return None if found is None else found[1]


def _near(ideal: float, width: int) -> range:
    centre = int(ideal)
    return range(max(0, centre - 3), min(width, centre + 4) + 1)
