"""The broker's ledger: what each of its rows did to what is held.

Executions of our own orders are booked when the order tells of them; a row
here only says what they cost. Everything else that moves a quantity, an
expiration, an assignment, somebody else's trade, a split, is booked from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from senex.domain.legs import Action, InstrumentType
from senex.domain.money import ZERO

if TYPE_CHECKING:
    from datetime import date, datetime
    from decimal import Decimal

TRADE, DELIVERY, OPENING_BALANCE = "Trade", "Receive Deliver", "Opening Balance"


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One transaction of the broker's. Values are signed dollars (+ received); ``net_value`` includes all costs.

    Costs are unsigned; ``fees`` are all but the commission. ``quantity`` is unsigned, ``instrument`` is the
    broker's word. What is taken away (an expired option) has no action.
    """

    broker_id: str
    kind: str
    sub_kind: str
    description: str
    executed_at: datetime
    day: date
    value: Decimal
    net_value: Decimal
    commission: Decimal
    fees: Decimal
    symbol: str | None = None
    underlying: str | None = None
    instrument: str | None = None
    action: Action | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    broker_order_id: str | None = None

    @property
    def moves(self) -> bool:
        """Whether it changes what is held."""
        return (
            self.symbol is not None
            and bool(self.quantity)
            and self.kind in (TRADE, DELIVERY, OPENING_BALANCE)
        )

    @property
    def whole(self) -> int | None:
        """Its quantity, None where it is not a whole number."""
        count = self.quantity
        return None if count is None or count != int(count) else int(count)


class Effect(StrEnum):
    """What a row that moves a quantity does."""

    OPEN = "open"
    CLOSE = "close"
    REMOVE = "remove"
    """It takes what is held away: the side is that of what is held."""
    CONVERT = "convert"
    """One of a pair: the older row takes lots away, the newer gives them back under other terms."""
    RECEIVE = "receive"
    """Something arrives and the row does not say on which side."""


_REMOVALS = {
    "Expiration": "expired_worthless",
    "Assignment": "assignment",
    "Cash Settled Assignment": "assignment",
    "Exercise": "exercise",
    "Cash Settled Exercise": "exercise",
}
_CONVERSIONS = frozenset(
    {"Forward Split", "Reverse Split", "Symbol Change", "Special Dividend", "Stock Merger", "Merger"}
)
DELIVERING = frozenset({"Assignment", "Exercise"})
"""Rows whose options turn into shares, which other rows of the same instant deliver."""


def effect_of(entry: LedgerEntry) -> Effect:
    """What a row that moves a quantity does."""
    if entry.sub_kind in _REMOVALS:
        return Effect.REMOVE
    if entry.sub_kind in _CONVERSIONS:
        return Effect.CONVERT
    if entry.action is None:
        return Effect.RECEIVE
    return Effect.OPEN if entry.action.opens else Effect.CLOSE


REASONS_IN_ORDER = ("assignment", "exercise", "manual_close", "expired_worthless")
"""Of several rows that emptied a position at one instant the strongest says why."""


def reason_of(sub_kind: str) -> str:
    """Why a position that a row of this kind emptied is closed."""
    return _REMOVALS.get(sub_kind, "manual_close")


def price_of(entry: LedgerEntry) -> Decimal:
    """The unsigned price per share: what was paid or received; of what only changed hands, what it had cost."""
    count, symbol = entry.quantity, entry.symbol
    if not count or symbol is None:
        return ZERO
    if entry.value:
        return abs(entry.value) / (count * InstrumentType.of(symbol).multiplier)
    if effect_of(entry) is Effect.REMOVE or entry.price is None:
        return ZERO
    return entry.price


def delivers_for(delivery: LedgerEntry, removal: LedgerEntry) -> bool:
    """Whether a row of shares belongs to an exercised or assigned option: same instant, same underlying."""
    return (
        delivery.kind == DELIVERY
        and delivery.sub_kind not in _REMOVALS
        and removal.sub_kind in DELIVERING
        and (delivery.underlying, delivery.executed_at) == (removal.underlying, removal.executed_at)
    )
