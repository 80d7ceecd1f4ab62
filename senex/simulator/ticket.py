"""What a client asks for, and the refusal it may get."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, datetime
    from decimal import Decimal

    from senex.simulator.books.records import Behavior, ComplexType, OrderLeg, OrderType, TimeInForce

Problem = tuple[str, str]
"""A code and a message."""


class PreflightError(Exception):
    """The broker refuses the order; ``problems`` are (code, message)."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(message for _, message in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Ticket:
    """An order as a client asks for it. ``price`` and ``value`` are signed, ``stop_trigger`` is not.

    ``behavior`` and ``not_before`` are the paper API's wishes about the fill.
    """

    type: OrderType
    time_in_force: TimeInForce
    legs: tuple[OrderLeg, ...]
    price: Decimal | None
    gtc_date: date | None = None
    external_identifier: str | None = None
    source: str | None = None
    strict: bool = False
    stop_trigger: Decimal | None = None
    value: Decimal | None = None
    behavior: Behavior | None = None
    not_before: datetime | None = None
    delay: float | None = None


@dataclass(frozen=True, slots=True)
class ComplexTicket:
    """A complex order as a client asks for it."""

    type: ComplexType
    trigger: Ticket | None
    orders: tuple[Ticket, ...]
