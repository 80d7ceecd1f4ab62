"""Positions as open lots, first in first out."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from senex.domain.money import ZERO
from senex.simulator.books.records import Lot, multiplier

if TYPE_CHECKING:
    from datetime import date, datetime
    from decimal import Decimal

    from senex.domain.legs import InstrumentType
    from senex.simulator.books.records import Entry, Quantity


@dataclass(slots=True)
class Holding:
    """What an account holds of one symbol."""

    symbol: str
    instrument: InstrumentType
    underlying: str
    opened_at: datetime
    updated_at: datetime
    lots: deque[Lot] = field(default_factory=deque)
    realized: dict[date, Decimal] = field(default_factory=dict)

    @property
    def quantity(self) -> Quantity:
        """Net quantity: negative is short."""
        return sum((lot.quantity for lot in self.lots), 0)

    @property
    def average_price(self) -> Decimal:
        """The quantity-weighted price of the open lots."""
        if not self.lots:
            return ZERO
        return self.cost / (self.quantity * self.multiplier)

    @property
    def multiplier(self) -> int:
        """Shares per unit."""
        return multiplier(self.instrument)

    @property
    def cost(self) -> Decimal:
        """What the open lots were opened for, signed: positive was paid."""
        return sum((lot.price * lot.quantity for lot in self.lots), ZERO) * self.multiplier

    def book(self, entry: Entry) -> None:
        """Apply a ledger entry: close opposite lots first, then open, at the price its value says."""
        if entry.action is None or not entry.quantity:
            return
        if not self.lots:
            self.opened_at = entry.executed_at
        self.updated_at = entry.executed_at
        if entry.basis is not None:
            self.lots = deque(entry.basis)
            return
        left = entry.action.sign * entry.quantity
        price = -entry.value / (left * self.multiplier)
        while left and self.lots and self.lots[0].quantity * left < 0:
            lot = self.lots.popleft()
            closed = max(lot.quantity, -left) if lot.quantity < 0 else min(lot.quantity, -left)
            gain = (price - lot.price) * closed * self.multiplier
            self.realized[entry.day] = self.realized.get(entry.day, ZERO) + gain
            left += closed
            if lot.quantity != closed:
                self.lots.appendleft(Lot(lot.quantity - closed, lot.price))
        if left:
            self.lots.append(Lot(left, price))
