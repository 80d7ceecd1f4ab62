"""Positions: what we hold, as spreads with their own exits. Quantities derive from lots."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, datetime
    from decimal import Decimal
    from uuid import UUID

    from senex.domain.orders import Origin
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
