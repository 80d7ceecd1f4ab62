"""The lot ledger: what each fill opened and closed, per position, spread and symbol.

Positions derive from lots and lots from fills, so two positions, or two
spreads of one, may share a strike and stay apart (DOMAIN F.8). Everything here
is deterministic: the same fills in the same order give the same lots.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from senex.domain.legs import InstrumentType
from senex.domain.money import CONTRACT_MULTIPLIER, ZERO

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from decimal import Decimal
    from fractions import Fraction
    from uuid import UUID

    from senex.domain.fills import Fill
    from senex.domain.suggestions import SpreadPlan


@dataclass(frozen=True, slots=True)
class Lot:
    """What one fill opened in one spread.

    ``quantity`` is signed (+ long) and never changes, ``open_quantity`` is what
    is left of it; ``price`` is unsigned, per share. ``fill_id`` is the opening
    fill's; (``fill_id``, ``spread_key``) is unique.
    """

    position_id: UUID
    spread_key: str
    symbol: str
    fill_id: int
    quantity: int
    open_quantity: int
    price: Decimal
    multiplier: int = CONTRACT_MULTIPLIER


@dataclass(frozen=True, slots=True)
class LotClose:
    """What one closing fill took from one lot. ``quantity`` is unsigned."""

    lot: Lot
    fill_id: int
    quantity: int
    price: Decimal

    @property
    def realised(self) -> Decimal:
        """Profit or loss in dollars, before fees."""
        side = 1 if self.lot.quantity > 0 else -1
        return (self.price - self.lot.price) * side * self.quantity * self.lot.multiplier


@dataclass(frozen=True, slots=True)
class Opening:
    """An entry order: the spreads it opens and for how many units."""

    position_id: UUID
    spreads: tuple[SpreadPlan, ...]
    units: int


@dataclass(frozen=True, slots=True)
class Booked:
    """Lots after some fills, what they closed, and fills (or parts) no plan accounts for.

    A surplus is a reconciliation item: somebody traded what we did not order.
    """

    lots: tuple[Lot, ...]
    closes: tuple[LotClose, ...] = ()
    surplus: tuple[Fill, ...] = ()


def open_lots(
    opening: Opening,
    fills: Iterable[Fill],
    *,
    lots: Sequence[Lot] = (),
    filled_before: Mapping[str, int] | None = None,
) -> Booked:
    """Add the lots that ``fills`` of an entry order open.

    A strike that several spreads share is dealt out unit by unit, in the plan's
    order within each unit: the k-th contract of a symbol always has the same
    place, so an entry that fills in part is whole units as far as the broker
    filled whole units. ``filled_before`` counts the order's earlier contracts
    per symbol; earlier fills are not given again.
    """
    before = dict(filled_before or {})
    grown: list[Lot] = list(lots)
    surplus: list[Fill] = []
    for fill in fills:
        start = before.get(fill.symbol, 0)
        before[fill.symbol] = start + fill.quantity
        places = list(_places(opening, fill))[start : start + fill.quantity]
        grown += [lot_of(opening.position_id, key, fill, places.count(key)) for key in dict.fromkeys(places)]
        if len(places) < fill.quantity:
            surplus.append(replace(fill, quantity=fill.quantity - len(places)))
    return Booked(tuple(grown), surplus=tuple(surplus))


def close_lots(lots: Sequence[Lot], fills: Iterable[Fill], *, spread_keys: Sequence[str]) -> Booked:
    """Take the contracts that ``fills`` of a closing order close from the lots of ``spread_keys``.

    Within a spread the oldest lot goes first. Where a closing order covers
    several spreads, each contract comes from the spread with most left (the
    first named at a tie), so that a partial close leaves them in proportion.
    """
    held = list(lots)
    closes: list[LotClose] = []
    surplus: list[Fill] = []
    for fill in fills:
        taken: dict[int, int] = {}
        for _ in range(fill.quantity):
            index = _next_to_close(held, fill, spread_keys)
            if index is None:
                break
            lot = held[index]
            held[index] = replace(lot, open_quantity=lot.open_quantity + fill.action.sign)
            taken[index] = taken.get(index, 0) + 1
        closes += [LotClose(held[i], fill.id, count, fill.price) for i, count in taken.items()]
        rest = fill.quantity - sum(taken.values())
        if rest:
            surplus.append(replace(fill, quantity=rest))
    return Booked(tuple(held), tuple(closes), tuple(surplus))


def share_out(lots: Iterable[Lot], count: int, *, sign: int) -> dict[UUID, int] | None:
    """How many of ``count`` contracts that close each position gives, its lots taken in the order given.

    ``sign`` is that of the closing side (+ buys). None where less is open than is to be closed: such a
    row of the broker's waits for what it closes, and is never booked in part.
    """
    shares: dict[UUID, int] = {}
    for lot in lots:
        taken = min(count, max(-lot.open_quantity * sign, 0))
        if taken:
            shares[lot.position_id] = shares.get(lot.position_id, 0) + taken
            count -= taken
    return None if count else shares


def close_in_order(lots: Sequence[Lot], fill: Fill) -> Booked:
    """Take what ``fill`` closes from the lots of its symbol in the order given, whatever their spread."""
    held, closes, left = list(lots), [], fill.quantity
    for index, lot in enumerate(held):
        taken = min(left, max(-lot.open_quantity * fill.action.sign, 0)) if lot.symbol == fill.symbol else 0
        if taken:
            held[index] = replace(lot, open_quantity=lot.open_quantity + fill.action.sign * taken)
            closes.append(LotClose(held[index], fill.id, taken, fill.price))
            left -= taken
    surplus = (replace(fill, quantity=left),) if left else ()
    return Booked(tuple(held), tuple(closes), surplus)


@dataclass(frozen=True, slots=True)
class NewTerms:
    """What a corporate action turns a contract into: ``ratio`` new ones of ``symbol`` for each old one."""

    symbol: str
    ratio: Fraction


def convert_lots(lots: Sequence[Lot], terms: NewTerms, *, removal: Fill, receipt: int) -> Booked | None:
    """Replace a position's lots of the removed symbol by what they become; cost stays, nothing is gained.

    ``removal`` takes the lots away at their own prices, ``receipt`` is the id of the fill that gives them back,
    one lot per spread. None where a spread would get a fraction of a contract.
    """
    closes: list[LotClose] = []
    grown: dict[str, list[Lot]] = {}
    held = list(lots)
    for index, lot in enumerate(held):
        if lot.symbol == removal.symbol and lot.open_quantity:
            held[index] = replace(lot, open_quantity=0)
            closes.append(LotClose(held[index], removal.id, abs(lot.open_quantity), lot.price))
            grown.setdefault(lot.spread_key, []).append(lot)
    for key, taken in grown.items():
        count = sum(lot.open_quantity for lot in taken) * terms.ratio
        if count.denominator != 1 or not count:
            return None
        cost = sum((lot.price * lot.open_quantity * lot.multiplier for lot in taken), ZERO)
        multiplier = InstrumentType.of(terms.symbol).multiplier
        price = cost / (int(count) * multiplier)
        held.append(
            Lot(taken[0].position_id, key, terms.symbol, receipt, int(count), int(count), price, multiplier)
        )
    return Booked(tuple(held), tuple(closes))


def leg_quantities(lots: Iterable[Lot]) -> dict[str, int]:
    """Signed open quantity per symbol; symbols with nothing left are absent."""
    open_now: dict[str, int] = {}
    for lot in lots:
        open_now[lot.symbol] = open_now.get(lot.symbol, 0) + lot.open_quantity
    return {symbol: quantity for symbol, quantity in open_now.items() if quantity}


@dataclass(frozen=True, slots=True)
class OpenUnits:
    """How many whole units of a spread are open, and what is open beyond them per symbol (signed)."""

    whole: int
    excess: Mapping[str, int]

    @property
    def broken(self) -> bool:
        """Whether the legs are out of ratio: a leg hangs in the air."""
        return bool(self.excess)


def open_units(lots: Iterable[Lot], spread: SpreadPlan) -> OpenUnits:
    """Whole units of ``spread`` in its lots, and the excess of a broken ratio (DOMAIN 0.12)."""
    held = leg_quantities(lot for lot in lots if lot.spread_key == spread.key)
    planned = {leg.symbol: leg.signed_quantity for leg in spread.legs}
    whole = min(max(held.get(symbol, 0) // each, 0) for symbol, each in planned.items())
    excess = {
        symbol: quantity - whole * planned.get(symbol, 0)
        for symbol, quantity in held.items()
        if quantity != whole * planned.get(symbol, 0)
    }
    return OpenUnits(whole, excess)


def cash_of(lots: Iterable[Lot]) -> Decimal:
    """What the open quantity brought when it was opened, dollars (credit +)."""
    return -sum((lot.price * lot.open_quantity * lot.multiplier for lot in lots), ZERO)


def _places(opening: Opening, fill: Fill) -> Iterator[str]:
    """For each contract of the fill's symbol and action, in order, the spread it belongs to."""
    for _ in range(opening.units):
        for spread in opening.spreads:
            for leg in spread.legs:
                if leg.symbol == fill.symbol and leg.action is fill.action:
                    yield from [spread.key] * leg.quantity


def lot_of(position_id: UUID, key: str, fill: Fill, count: int) -> Lot:
    """What ``count`` contracts of a fill open."""
    signed = fill.action.sign * count
    multiplier = InstrumentType.of(fill.symbol).multiplier
    return Lot(position_id, key, fill.symbol, fill.id, signed, signed, fill.price, multiplier)


def _next_to_close(lots: Sequence[Lot], fill: Fill, keys: Sequence[str]) -> int | None:
    """Index of the lot the next contract of ``fill`` closes."""
    candidates = {
        key: [
            index
            for index, lot in enumerate(lots)
            if (lot.spread_key, lot.symbol) == (key, fill.symbol) and lot.open_quantity * fill.action.sign < 0
        ]
        for key in keys
    }
    best = max(keys, key=lambda key: sum(abs(lots[i].open_quantity) for i in candidates[key]), default=None)
    if best is None or not candidates[best]:
        return None
    return min(candidates[best], key=lambda index: lots[index].fill_id)
