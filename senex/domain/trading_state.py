"""What may be sent for an account: set by the operator, a limit or reconciliation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TradingState(StrEnum):
    """ACTIVE sends all, REDUCE_ONLY no entries, HALTED nothing; cancels always pass."""

    ACTIVE = "active"
    REDUCE_ONLY = "reduce_only"
    HALTED = "halted"

    def permits(self, *, opens_risk: bool) -> bool:
        """Whether an order may be sent."""
        return self is TradingState.ACTIVE or (self is TradingState.REDUCE_ONLY and not opens_risk)

    def stricter_than(self, other: TradingState) -> bool:
        """Whether it lets less through."""
        order = list(TradingState)
        return order.index(self) > order.index(other)


@dataclass(frozen=True, slots=True)
class Fence:
    """The trading state an account has and who set it, and its readiness; epochs grow with every change."""

    state: TradingState
    epoch: int
    reason: str
    ready: bool
    ready_epoch: int
    ready_reason: str
    set_by: str
