"""Positions: what we hold, as spreads with their own exits. Quantities derive from lots."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from senex.domain.orders import OrderKind, OrderStatus

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime
    from decimal import Decimal
    from uuid import UUID

    from senex.domain.lots import Lot
    from senex.domain.orders import Order, Origin
    from senex.domain.suggestions import ExitPlan, SpreadPlan


class PositionStatus(StrEnum):
    """Where a position is in its life (DOMAIN B.2)."""

    PENDING_ENTRY = "pending_entry"
    OPEN_FULL = "open_full"
    OPEN_PARTIAL = "open_partial"
    CLOSING = "closing"
    CLOSED = "closed"
    EXPIRED = "expired"


OPEN_STATUSES = (PositionStatus.OPEN_FULL, PositionStatus.OPEN_PARTIAL, PositionStatus.CLOSING)


@dataclass(frozen=True, slots=True)
class PositionSpread:
    """A planned spread and its signed opening price per share, once filled."""

    plan: SpreadPlan
    credit: Decimal | None


@dataclass(frozen=True, slots=True)
class Position:
    """A position of one account. ``initial_risk`` is R, in dollars."""

    id: UUID
    account_id: UUID
    origin: Origin
    parent_id: UUID | None
    suggestion_id: UUID | None
    strategy: str
    underlying: str
    expiry: date
    units: int
    status: PositionStatus
    initial_risk: Decimal | None
    tick: Decimal
    exit_plan: ExitPlan
    spreads: tuple[PositionSpread, ...]
    created_at: datetime
    opened_at: datetime | None
    managed: bool = True
    """Whether automation may act on it; what was opened elsewhere is not, until it is adopted."""

    @property
    def label(self) -> str:
        """What an operator recognises it by."""
        return f"{self.underlying} {self.strategy} {str(self.id)[:8]}"


def status_by(lots: Iterable[Lot], orders: Iterable[Order]) -> PositionStatus | None:
    """Where a position stands by what is open of it and what works on it; None while its entry may still fill.

    It is closing while an exit or a close works at the broker, and open again when that order dies (DOMAIN B.2).
    """
    every = tuple(orders)
    filled = {order.id for order in every if order.status is OrderStatus.FILLED}
    # what was to replace an order that has filled is moot (fault 10)
    working = [order for order in every if not order.status.terminal and order.replaces_id not in filled]
    known = tuple(lots)
    if any(order.opens_risk for order in working):
        return None
    if not any(lot.open_quantity for lot in known):
        return PositionStatus.CLOSED if known else PositionStatus.EXPIRED
    closes = (OrderKind.EXIT, OrderKind.CLOSE)
    if any(order.kind in closes and order.status is not OrderStatus.INTENDED for order in working):
        return PositionStatus.CLOSING
    whole = all(lot.open_quantity == lot.quantity for lot in known)
    return PositionStatus.OPEN_FULL if whole else PositionStatus.OPEN_PARTIAL
