"""Orders that depend on each other: OCO, OTO and OTOCO.

A trigger that is filled sets its orders free; of two that exclude each other
the first fill, even of a part, cancels the other. A trigger that ends unfilled
takes its orders with it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from senex.simulator.books.records import (
    EXCLUSIVE_TAGS,
    ComplexOrder,
    ComplexType,
    Order,
    OrderStatus,
    OrderType,
)
from senex.simulator.ticket import PreflightError

if TYPE_CHECKING:
    from datetime import datetime

    from senex.simulator.books.statement import Effect
    from senex.simulator.desk import Desk
    from senex.simulator.ticket import ComplexTicket, Problem, Ticket

PENDING = "Pending Order"
_MOST_CHILDREN = 3
_STOPS = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})


@dataclass(frozen=True, slots=True)
class AcceptedComplex:
    """A complex order as it was accepted (or would be), its orders with the trigger first, and its effect."""

    complex_order: ComplexOrder
    orders: tuple[Order, ...]
    effect: Effect
    warnings: tuple[Problem, ...]


class Complexes:
    """The complex orders of a desk, which it joins."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        desk.family = self
        self._books = desk.books

    def check(self, account: str, ticket: ComplexTicket, instant: datetime) -> AcceptedComplex:
        """What accepting the ticket would do. Its effect is the trigger's, or the larger of two that exclude.

        Raises:
            PreflightError: the broker would refuse it.
        """
        _check_shape(ticket)
        tickets = ticket.orders if ticket.trigger is None else (ticket.trigger, *ticket.orders)
        orders: list[Order] = []
        warnings: list[Problem] = []
        for position, one in enumerate(tickets):
            starts = ticket.trigger is None or position == 0
            order, remarks = self._desk.preflight.prepare(
                one, account=account, order_id=-1, instant=instant, waits=not starts
            )
            role = "trigger-order" if ticket.trigger is not None and position == 0 else "order"
            orders.append(
                replace(
                    order,
                    status=OrderStatus.CONTINGENT,
                    contingent_status=PENDING,
                    complex_tag=f"{ticket.type}::{role}",
                )
            )
            warnings += [remark for remark in remarks if remark not in warnings]
        starting = orders if ticket.trigger is None else orders[:1]
        effect = min(
            (self._desk.affordable(order, instant) for order in starting),
            key=lambda one: one.buying_power_change,
        )
        trigger = None if ticket.trigger is None else -1
        known = ComplexOrder(
            id=-1,
            account=account,
            type=ticket.type,
            trigger=trigger,
            orders=(),
            received_at=instant,
            updated_at=instant,
        )
        return AcceptedComplex(known, tuple(orders), effect, tuple(warnings))

    def submit(self, account: str, ticket: ComplexTicket, instant: datetime) -> AcceptedComplex:
        """Accept a complex order; what starts becomes live by the desk's routing.

        Raises:
            PreflightError: the broker refuses it.
        """
        accepted = self.check(account, ticket, instant)
        number = self._books.next_complex()
        orders = tuple(
            replace(order, id=self._books.next_order(), complex_id=number) for order in accepted.orders
        )
        ids = tuple(order.id for order in orders)
        triggered = ticket.trigger is not None
        known = replace(
            accepted.complex_order,
            id=number,
            trigger=ids[0] if triggered else None,
            orders=ids[1:] if triggered else ids,
        )
        self._desk.record(known, orders)
        return replace(accepted, complex_order=known, orders=orders)

    def request_cancel(self, complex_id: int, instant: datetime) -> ComplexOrder:
        """Ask to cancel all that still works of a complex order.

        Raises:
            PreflightError: it is terminal.
        """
        known = self._books.complex_orders[complex_id]
        if known.terminal_at is not None:
            raise PreflightError(("cannot_update_order", f"Complex order {complex_id} is terminal"))
        for order_id in known.members:
            if self._books.orders[order_id].cancellable:
                self._desk.request_cancel(order_id, instant)
        return self._books.complex_orders[complex_id]

    def successor(self, old: Order, ticket: Ticket, instant: datetime) -> Order:
        """What takes a member's place in its complex order.

        Raises:
            PreflightError: the broker refuses it.
        """
        waits = old.status is OrderStatus.CONTINGENT
        order, _ = self._desk.preflight.prepare(
            ticket,
            account=old.account,
            order_id=0,
            instant=instant,
            waits=waits,
            beside=(old.id, *self.rivals(old)),
        )
        if not waits:
            self._desk.affordable(order, instant, without=old.id)
        return replace(order, complex_id=old.complex_id, complex_tag=old.complex_tag)

    def rivals(self, order: Order) -> tuple[int, ...]:
        """The orders that this one cancels by filling."""
        if order.complex_id is None or order.complex_tag not in EXCLUSIVE_TAGS:
            return ()
        known = self._books.complex_orders[order.complex_id]
        return tuple(one for one in known.orders if one != order.id)

    def after(self, order: Order) -> None:
        """Let the complex order follow a change of one of its members."""
        if order.complex_id is None:
            return
        known = self._books.complex_orders[order.complex_id]
        instant = order.updated_at
        if order.id not in known.members:
            return
        if order.replaced_by is not None and order.status is OrderStatus.CANCELLED:
            self._swap(known, order, instant)
            return
        if order.id == known.trigger:
            self._follow_trigger(known, order, instant)
        elif order.filled_any:
            for rival in self.rivals(order):
                if self._books.orders[rival].working:
                    self._desk.end(self._books.orders[rival], OrderStatus.CANCELLED, instant)
        self._close(known.id, instant)

    # -- inside -------------------------------------------------------------------------------

    def _follow_trigger(self, known: ComplexOrder, trigger: Order, instant: datetime) -> None:
        if trigger.working:
            return
        for order_id in known.orders:
            order = self._books.orders[order_id]
            if order.status is not OrderStatus.CONTINGENT:
                continue
            if trigger.status is OrderStatus.FILLED:
                self._desk.activate(order, instant)
            else:
                expired = trigger.status is OrderStatus.EXPIRED
                self._desk.end(order, OrderStatus.EXPIRED if expired else OrderStatus.CANCELLED, instant)

    def _swap(self, known: ComplexOrder, old: Order, instant: datetime) -> None:
        new = old.replaced_by or 0
        self._desk.record(
            replace(
                known,
                trigger=new if known.trigger == old.id else known.trigger,
                orders=tuple(new if one == old.id else one for one in known.orders),
                former=(*known.former, old.id),
                updated_at=instant,
            )
        )

    def _close(self, complex_id: int, instant: datetime) -> None:
        known = self._books.complex_orders[complex_id]
        if known.terminal_at is None and not any(self._books.orders[one].working for one in known.members):
            self._desk.record(replace(known, updated_at=instant, terminal_at=instant))


def _check_shape(ticket: ComplexTicket) -> None:
    """Refuse what is no OCO, OTO or OTOCO."""
    if (ticket.trigger is None) != (ticket.type is ComplexType.OCO):
        raise PreflightError(("invalid_trigger_order", f"A trigger order does not fit {ticket.type}"))
    if ticket.type is ComplexType.OTO:
        if not 1 <= len(ticket.orders) <= _MOST_CHILDREN:
            raise PreflightError(("invalid_number_of_orders", f"OTO has 1 to {_MOST_CHILDREN} orders"))
        return
    kinds = [order.type for order in ticket.orders]
    if len(kinds) != 2 or kinds.count(OrderType.LIMIT) != 1 or not _STOPS & set(kinds):
        raise PreflightError(
            ("invalid_oco_order_type_combo", "OCO is one Limit order and one Stop or Stop Limit order")
        )
