"""Where our books and the broker's differ, by category, and what would mend it (DOMAIN H).

Pure comparison: nothing is changed here, so a dry run and a real one see the
same list. The broker's word is the truth about the broker; what cannot be
mended from it alone is for a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from senex.domain.orders import OrderStatus, ours

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from uuid import UUID

    from senex.domain.orders import Order


class Category(StrEnum):
    """What kind of difference it is."""

    FILLED_UNRECORDED = "filled_unrecorded"
    STUCK_PENDING = "stuck_pending"
    INVALID_ID = "invalid_id"
    MISSING_TARGET = "missing_target"
    TARGET_SIZE = "target_size"
    BROKEN_RATIO = "broken_ratio"
    ORPHAN_ORDER = "orphan_order"
    FOREIGN_ORDER = "foreign_order"
    UNMANAGED_POSITION = "unmanaged_position"
    GONE_AT_BROKER = "gone_at_broker"
    QUANTITY_MISMATCH = "quantity_mismatch"
    LEDGER_MISMATCH = "ledger_mismatch"
    """Our fills and the broker's transactions are a cent apart, or a transaction moves what nobody knows."""
    HALT_OUTLIVED = "halt_outlived"
    """An underlying is halted, and nothing there differs any more."""


class Fix(StrEnum):
    """What mends a difference; each is a use case of its own, and audited."""

    APPLY = "apply"
    """Book what the broker says of the order."""
    RESOLVE = "resolve"
    """Look again until the outcome of a submission is proved."""
    PLACE_TARGET = "place_target"
    CANCEL = "cancel"
    """Cancel at the broker; only when it is asked for by name."""
    IMPORT = "import"
    """Take a position that only the broker has into the books, unmanaged."""
    CLOSE = "close"
    """Close in the books what the broker's ledger has ended."""
    LIFT = "lift"
    """Let the underlying be traded again; only when it is asked for."""
    REVIEW = "review"
    """Nothing is done by itself: a person decides."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One item of a reconciliation. ``subject`` is a broker order id, a symbol, or position/spread."""

    category: Category
    subject: str
    underlying: str
    ours: str
    theirs: str
    fix: Fix

    def __str__(self) -> str:
        return f"{self.category} {self.subject}: ours {self.ours}; the broker's {self.theirs} ({self.fix})"


@dataclass(frozen=True, slots=True)
class Seen:
    """An order as the broker lists it, in our words. ``filled`` counts contracts over all legs."""

    broker_order_id: str
    external_identifier: str | None
    underlying: str
    status: OrderStatus
    filled: int


@dataclass(frozen=True, slots=True)
class Known:
    """An order of ours with the names its attempts carry at the broker, and the broker's last word of it."""

    order: Order
    identifiers: Collection[str]
    broker_status: str | None = None

    @property
    def filled(self) -> int:
        """Contracts booked over all legs."""
        return sum(line.filled for line in self.order.lines)


def compare_orders(known: Iterable[Known], seen: Iterable[Seen], *, namespace: UUID) -> Iterator[Difference]:
    """Every order that one side has and the other has not, or has differently.

    ``known`` holds the orders that may still work and those the broker may list;
    ``seen`` is one complete reading.
    """
    mine = list(known)
    by_id = {one.order.broker_order_id: one for one in mine if one.order.broker_order_id is not None}
    by_name = {name: one for one in mine for name in one.identifiers}
    found: set[UUID] = set()
    for theirs in seen:
        one = by_id.get(theirs.broker_order_id) or by_name.get(theirs.external_identifier or "")
        if one is None:
            yield from _theirs_alone(theirs, namespace)
        else:
            found.add(one.order.id)
            yield from _both(one, theirs)
    for one in mine:
        if one.order.id not in found:
            yield from _ours_alone(one.order)


def _both(one: Known, theirs: Seen) -> Iterator[Difference]:
    order = one.order
    if order.broker_order_id not in (None, theirs.broker_order_id):
        if theirs.status is OrderStatus.REPLACED or (theirs.status.terminal and not theirs.filled):
            return  # what it was before somebody replaced it elsewhere; a second one that has left nothing
        # a request that somebody doubled on its way: two orders of one attempt
        yield _order(Category.ORPHAN_ORDER, theirs, f"{order.broker_order_id} already", Fix.CANCEL)
    elif theirs.filled > one.filled:
        yield _order(Category.FILLED_UNRECORDED, theirs, f"{order.status}, {one.filled} filled", Fix.APPLY)
    elif theirs.filled < one.filled:
        yield _order(Category.QUANTITY_MISMATCH, theirs, f"{order.status}, {one.filled} filled", Fix.REVIEW)
    elif theirs.status is not order.status and not (order.status.terminal and not theirs.status.terminal):
        yield _order(Category.STUCK_PENDING, theirs, str(order.status), Fix.APPLY)


def _theirs_alone(theirs: Seen, namespace: UUID) -> Iterator[Difference]:
    if theirs.status.terminal:
        return
    if ours(theirs.external_identifier, namespace):
        yield _order(Category.ORPHAN_ORDER, theirs, "no attempt of this name", Fix.CANCEL)
    else:
        yield _order(Category.FOREIGN_ORDER, theirs, "not ours", Fix.REVIEW)


def _ours_alone(order: Order) -> Iterator[Difference]:
    """What the broker does not list although it should."""
    if order.status.terminal or order.status is OrderStatus.INTENDED:
        return
    name = order.broker_order_id or str(order.id)
    if order.status is OrderStatus.UNKNOWN:
        category, fix = Category.STUCK_PENDING, Fix.RESOLVE
    else:
        category, fix = Category.INVALID_ID, Fix.REVIEW
    yield Difference(category, name, order.underlying, str(order.status), "not listed", fix)


def _order(category: Category, theirs: Seen, ours_: str, fix: Fix) -> Difference:
    told = f"{theirs.status}, {theirs.filled} filled"
    return Difference(category, theirs.broker_order_id, theirs.underlying, ours_, told, fix)


def compare_quantities(
    booked: Mapping[str, int], held: Mapping[str, int], *, underlyings: Mapping[str, str]
) -> Iterator[Difference]:
    """Σ open lots per symbol against what the broker holds, both signed (invariant I6)."""
    for symbol in sorted(booked.keys() | held.keys()):
        mine, theirs = booked.get(symbol, 0), held.get(symbol, 0)
        if mine == theirs:
            continue
        if mine == 0:
            category, fix = Category.UNMANAGED_POSITION, Fix.IMPORT
        elif theirs == 0:
            category, fix = Category.GONE_AT_BROKER, Fix.CLOSE
        else:
            category, fix = Category.QUANTITY_MISMATCH, Fix.REVIEW
        yield Difference(category, symbol, underlyings.get(symbol, symbol), f"{mine:+d}", f"{theirs:+d}", fix)


def outlived_halts(
    halted: Mapping[str, str], found: Iterable[Difference], doubtful: Collection[str]
) -> Iterator[Difference]:
    """Halted underlyings (with why) where nothing ``found`` differs, and no order of ``doubtful`` ones is unknown."""
    touched = {each.underlying for each in found} | set(doubtful)
    for underlying, why in sorted(halted.items()):
        if underlying not in touched:
            yield Difference(
                Category.HALT_OUTLIVED, underlying, underlying, f"halted: {why}", "nothing differs", Fix.LIFT
            )
