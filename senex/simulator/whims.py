"""Whims: how the exchange behaves out of the ordinary when a fault asks for it.

The exchange consults one object of this class at the few points where the real
broker can surprise. This one never does; the faults put their own in its place.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from senex.simulator.books.records import Order


class Race(StrEnum):
    """Who wins when a cancellation and a fill meet."""

    FILL = "fill"
    CANCEL = "cancel"


class Whims:
    """The ordinary broker. A method that is asked counts its fault down, so each is asked once per event."""

    def units(self, order: Order) -> int | None:
        """How many reduced units of an order may fill on this tick; None is all of them."""
        del order
        return None

    def straggler(self, order: Order) -> str | None:
        """The symbol of the leg that is left out of this tick's fill, which breaks the ratio."""
        del order
        return None

    def race(self, order: Order) -> Race | None:
        """How a requested cancellation ends when it is carried out; None leaves it to the market.

        ``FILL``: all that is left fills first, at the order's limit or, where that
        is worse for the order, at the natural price. ``CANCEL``: it does not fill
        while the cancellation is under way.
        """
        del order
        return None

    def overtaken(self, order: Order) -> bool:
        """Whether an order fills before its replacement takes its place; the replacement is then given up."""
        del order
        return False

    def reject(self, order: Order) -> str | None:
        """Why an order that was accepted is rejected when it is routed; None lets it live."""
        del order
        return None
