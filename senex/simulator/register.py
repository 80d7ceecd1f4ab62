"""The register of orders: every new state is journalled, then told, then followed by what depends on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from senex.simulator.books.records import Order, OrderStatus

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from senex.simulator.books.books import Books
    from senex.simulator.books.journal import Record
    from senex.simulator.books.records import ComplexOrder
    from senex.simulator.execution import Outcome
    from senex.simulator.ticket import Ticket


@dataclass(frozen=True, slots=True)
class Changed:
    """What listeners are told of one account: an order's or complex order's new state, and what else moved.

    ``moved`` are the symbols whose positions changed; ``money`` is a change of
    the balance without one.
    """

    account: str
    order: Order | None = None
    complex_order: ComplexOrder | None = None
    moved: tuple[str, ...] = ()
    money: bool = False


class Family(Protocol):
    """What the desk asks about orders that depend on each other."""

    def after(self, order: Order) -> None:
        """An order has changed: let those follow that depend on it."""

    def rivals(self, order: Order) -> tuple[int, ...]:
        """The orders that this one cancels by filling."""

    def successor(self, old: Order, ticket: Ticket, instant: datetime) -> Order:
        """What takes an order's place among those that depend on each other."""


class Register:
    """The states of all orders of all accounts. ``tell`` hears of every change after it is in the journal."""

    def __init__(self, *, books: Books, tell: Callable[[Changed], None]) -> None:
        self.books = books
        self.family: Family
        self._tell = tell

    def put(self, *states: Order) -> None:
        """Record successive states of one order, tell of each, and let its complex order follow."""
        self.commit(states, [Changed(order.account, order) for order in states])
        self.family.after(states[-1])

    def record(self, complex_order: ComplexOrder, orders: tuple[Order, ...] = ()) -> None:
        """Record a complex order, with its orders when it is new, and tell of them."""
        account = complex_order.account
        self.commit(
            (*orders, complex_order),
            [
                *(Changed(account, order) for order in orders),
                Changed(account, complex_order=complex_order),
            ],
        )

    def commit(self, records: tuple[Record, ...], changes: list[Changed]) -> None:
        """Record changes together, then tell of them."""
        self.books.commit(records)
        for change in changes:
            self._tell(change)

    def settle(self, outcome: Outcome) -> None:
        """Record what a look at the market brought."""
        order = outcome.order
        self.commit((order, *outcome.entries), [Changed(order.account, order, moved=outcome.symbols)])
        self.family.after(order)

    def end(self, order: Order, status: OrderStatus, instant: datetime, reason: str | None = None) -> None:
        """Bring a working order to a terminal status."""
        self.put(
            replace(
                order,
                status=status,
                contingent_status=None,
                updated_at=instant,
                terminal_at=instant,
                cancelled_at=instant if status is OrderStatus.CANCELLED else None,
                reject_reason=reason,
            )
        )
