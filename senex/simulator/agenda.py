"""When the exchange has to look at which order: deadlines, windows and looks, remembered while it works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.simulator import hours
from senex.simulator.market.sessions import TICK

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from senex.simulator.books.records import Order
    from senex.simulator.market.market import Market


class Agenda:
    """Dates of working orders. What is remembered follows from the orders alone."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._deadlines: dict[int, datetime] = {}
        self._windows: dict[int, tuple[datetime, datetime]] = {}

    def deadline(self, order: Order) -> datetime:
        """When the order ends by itself."""
        known = self._deadlines.get(order.id)
        if known is None:
            known = self._deadlines[order.id] = hours.deadline(order, self._market.sessions)
        return known

    def is_open(self, order: Order, instant: datetime) -> bool:
        """Whether the order may fill at an instant."""
        opens, closes = self._window(order, instant)
        return opens <= instant < closes

    def next_due(self, orders: Iterable[Order], tick: int, grid: int) -> int | None:
        """The next tick (of the grid) at which one of the orders is looked at, or ends; None without any."""
        return min((self._next_due(order, tick, grid) for order in orders), default=None)

    def forget(self, order: Order) -> None:
        """The order is over."""
        self._deadlines.pop(order.id, None)
        self._windows.pop(order.id, None)

    def _next_due(self, order: Order, tick: int, grid: int) -> int:
        ends = self._tick_at(self.deadline(order))
        if order.live_tick is None:
            return max(ends, tick + 1)
        look = hours.next_look(order, tick)
        opens, _ = self._window(order, self._market.instant(look))
        if self._market.instant(look) < opens:
            look = hours.next_look(order, self._tick_at(opens) - 1)
        return max(min(-(-look // grid) * grid, ends), tick + 1)

    def _window(self, order: Order, instant: datetime) -> tuple[datetime, datetime]:
        """The order's window that contains the instant or comes next; the last one asked for is kept."""
        known = self._windows.get(order.id)
        if known is None or not known[0] <= instant < known[1]:
            known = self._windows[order.id] = hours.opening(order, self._market.sessions, instant)
        return known

    def _tick_at(self, instant: datetime) -> int:
        """The first tick not before an instant."""
        return -((self._market.start - instant) // TICK)
