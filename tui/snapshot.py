"""The books at one moment, as the screens show them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from senex.ports.views import (
        AccountView,
        AlarmView,
        JobView,
        NotificationView,
        OrderView,
        PositionSpreadView,
        PositionView,
        ProcessView,
        QueueView,
        ScheduleView,
        SourceView,
        SuggestionView,
    )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The books at one moment. ``loaded`` is machine time."""

    accounts: tuple[AccountView, ...]
    sources: tuple[SourceView, ...]
    processes: tuple[ProcessView, ...]
    suggestions: tuple[SuggestionView, ...]
    orders: tuple[OrderView, ...]
    positions: tuple[PositionView, ...]
    loaded: float
    alarms: tuple[AlarmView, ...] = ()
    schedule: tuple[ScheduleView, ...] = ()
    queues: tuple[QueueView, ...] = ()
    failing: tuple[JobView, ...] = ()
    notices: tuple[NotificationView, ...] = ()


def protected(spread: PositionSpreadView) -> bool:
    """Whether an order waits to take the spread's profit."""
    return spread.target is not None and spread.target.status in ("working", "partially_filled", "intended")


def wants_target(spread: PositionSpreadView) -> bool:
    """Whether the spread is open and has a target by its plan."""
    return bool(spread.lots) and spread.target_share is not None


def machine_time() -> float:
    """Monotonic seconds, for ``Snapshot.loaded``."""
    return time.monotonic()
