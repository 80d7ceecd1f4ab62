"""The order desk: accepts, routes, cancels, replaces, fills and ends orders."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from senex.domain.legs import Action
from senex.simulator import hours
from senex.simulator.agenda import Agenda
from senex.simulator.books.records import (
    AT_MARKET,
    Behavior,
    Order,
    OrderLeg,
    OrderStatus,
    OrderType,
    TimeInForce,
)
from senex.simulator.market.sessions import new_york_date
from senex.simulator.preflight import Preflight, Rules
from senex.simulator.register import Changed, Register
from senex.simulator.ticket import PreflightError, Ticket
from senex.simulator.whims import Race, Whims

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from senex.simulator.board import Board
    from senex.simulator.books.books import Books
    from senex.simulator.books.journal import Record
    from senex.simulator.books.lots import Holding
    from senex.simulator.books.statement import Accountant, Effect
    from senex.simulator.execution import Floor, Outcome
    from senex.simulator.market.market import Market
    from senex.simulator.ticket import Problem

RISK_DESK = "risk-desk"
"""The source of the broker's own orders."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """An order as it was accepted (or would be), what it does to buying power, and what the broker warns of."""

    order: Order
    effect: Effect
    warnings: tuple[Problem, ...] = ()


class Desk(Register):
    """All orders of all accounts. ``tell`` hears of every change after it is in the journal."""

    def __init__(
        self,
        *,
        market: Market,
        board: Board,
        books: Books,
        accountant: Accountant,
        floor: Floor,
        tell: Callable[[Changed], None],
    ) -> None:
        super().__init__(books=books, tell=tell)
        self.rules = Rules()
        self.whims = Whims()
        self.agenda = Agenda(market)
        self._market = market
        self._board = board
        self._accountant = accountant
        self._floor = floor

    # -- what clients ask for -----------------------------------------------------------------

    def check(
        self, account: str, ticket: Ticket, instant: datetime, *, order_id: int, without: int | None = None
    ) -> Accepted:
        """What accepting the ticket would do; ``without`` is a working order that makes way for it.

        Raises:
            PreflightError: the broker would refuse it.
        """
        beside = () if without is None else (without,)
        order, warnings = self.preflight.prepare(
            ticket, account=account, order_id=order_id, instant=instant, beside=beside
        )
        return Accepted(order, self.affordable(order, instant, without=without), warnings)

    def submit(self, account: str, ticket: Ticket, instant: datetime) -> Accepted:
        """Accept an order; it becomes live by :meth:`route`.

        Raises:
            PreflightError: the broker refuses it.
        """
        accepted = self.check(account, ticket, instant, order_id=self.books.coming_order)
        self.put(accepted.order)
        return accepted

    def replace(self, order_id: int, ticket: Ticket, instant: datetime) -> Order:
        """Accept an order with what is left of another's legs; it waits until that one is cancelled.

        Raises:
            PreflightError: the order cannot be replaced, or the new one is refused.
        """
        old = self._asked(order_id)
        left = tuple(
            OrderLeg(leg.symbol, leg.instrument, leg.action, leg.remaining)
            for leg in old.legs
            if leg.remaining
        )
        ticket = replace(
            ticket,
            legs=left,
            strict=False,
            external_identifier=ticket.external_identifier or old.external_identifier,
        )
        pending = old.status is OrderStatus.CONTINGENT
        if pending or old.complex_id is not None:
            order = self.family.successor(old, ticket, instant)
        else:
            order = self.check(old.account, ticket, instant, order_id=0, without=old.id).order
        order = replace(
            order,
            id=self.books.next_order(),
            status=OrderStatus.CONTINGENT,
            replaces=old.id,
            strict=old.strict,
        )
        self.put(replace(old, status=OrderStatus.REPLACE_REQUESTED, replaced_by=order.id, updated_at=instant))
        self.put(order)
        return order

    def request_cancel(self, order_id: int, instant: datetime) -> Order:
        """Ask for a cancellation; :meth:`route` completes it. Asking again changes nothing.

        Raises:
            PreflightError: the order is terminal or being replaced.
        """
        if self.books.orders[order_id].status is OrderStatus.CANCEL_REQUESTED:
            return self.books.orders[order_id]
        order = replace(self._asked(order_id), status=OrderStatus.CANCEL_REQUESTED, updated_at=instant)
        self.put(order)
        return order

    # -- what the broker does -----------------------------------------------------------------

    def route(self, instant: datetime) -> None:
        """Carry received orders to the market, and requested cancellations and replacements out."""
        for order_id in sorted(self.books.unrouted):
            order = self.books.orders[order_id]
            if order.status is OrderStatus.CANCEL_REQUESTED:
                self._cancel(order, instant)
            elif order.status is OrderStatus.REPLACE_REQUESTED:
                self._replace(order, instant)
            elif order.working and not self._awaits_original(order):
                self.release(order, instant)

    def release(self, order: Order, instant: datetime) -> None:
        """Bring an order to the market, unless it is rejected on the way."""
        reason = "Rejected by behavior" if order.behavior is Behavior.REJECT else self.whims.reject(order)
        if reason is not None:
            self.end(order, OrderStatus.REJECTED, instant, reason)
            return
        routed = replace(order, status=OrderStatus.ROUTED, contingent_status=None, updated_at=instant)
        flying = replace(routed, status=OrderStatus.IN_FLIGHT, in_flight_at=instant)
        live = replace(flying, status=OrderStatus.LIVE, live_at=instant, live_tick=self._board.tick)
        self.put(routed, flying, live)

    def activate(self, order: Order, instant: datetime) -> None:
        """Bring an order to the market that waited for another: positions and buying power are checked now."""
        beside = (order.id, *self.family.rivals(order))
        try:
            legs, _ = self.preflight.with_effects(order.legs, order.account, beside, strict=order.strict)
            order = replace(order, legs=legs)
            self.affordable(order, instant)
        except PreflightError as problem:
            self.end(order, OrderStatus.REJECTED, instant, str(problem))
            return
        self.release(order, instant)

    def force(self, account: str, ticket: Ticket, instant: datetime) -> Order:
        """Enter an order for the broker's own desk: without the margin check, and live at once.

        Raises:
            PreflightError: there is no such order to enter.
        """
        order, _ = self.preflight.prepare(
            ticket, account=account, order_id=self.books.next_order(), instant=instant
        )
        self.put(order)
        self.release(order, instant)
        return self.books.orders[order.id]

    def close_out(self, account: str, holding: Holding, instant: datetime) -> Order:
        """Close a position by a market order of the broker's risk desk, filled at once.

        Raises:
            PreflightError: it cannot be traded.
        """
        quantity = int(holding.quantity)
        action = Action.SELL_TO_CLOSE if quantity > 0 else Action.BUY_TO_CLOSE
        leg = OrderLeg(holding.symbol, holding.instrument, action, abs(quantity))
        order = self.force(
            account, Ticket(OrderType.MARKET, TimeInForce.DAY, (leg,), None, source=RISK_DESK), instant
        )
        outcome = self._floor.force(order, instant)
        if outcome is not None:
            self.settle(outcome)
        return self.books.orders[order.id]

    def remove(self, order_id: int, instant: datetime) -> None:
        """Take a working order out, as the broker's staff does, for example before a corporate action."""
        order = self.books.orders[order_id]
        status = OrderStatus.PARTIALLY_REMOVED if order.filled_any else OrderStatus.REMOVED
        self.end(order, status, instant)

    def affordable(self, order: Order, instant: datetime, *, without: int | None = None) -> Effect:
        """What the order does to buying power, if the working order ``without`` makes way for it.

        Raises:
            PreflightError: the account cannot bear it.
        """
        counted = order if without is None else replace(order, id=without)
        effect = self._accountant.effect(counted, new_york_date(instant))
        if order.opens and effect.refusal is not None:
            raise PreflightError(effect.refusal)
        if order.opens and effect.new < 0 and effect.buying_power_change < 0:
            raise PreflightError(
                (
                    "margin_check_failed",
                    f"Buying power of {effect.current} cannot bear {effect.buying_power_change}",
                )
            )
        return effect

    def commit(self, records: tuple[Record, ...], changes: list[Changed]) -> None:
        """Record changes together, then tell of them; what is over needs no dates any more."""
        super().commit(records, changes)
        for record in records:
            if isinstance(record, Order) and not record.working:
                self.agenda.forget(record)

    @property
    def preflight(self) -> Preflight:
        """The checks, by the rules of now."""
        return Preflight(self.books, self._market, self._board, self.rules)

    # -- time ---------------------------------------------------------------------------------

    def expire(self, instant: datetime) -> None:
        """End every order whose time is over, at its own deadline."""
        over = [order for order in self.books.working.values() if self.agenda.deadline(order) <= instant]
        for order in sorted(over, key=self.agenda.deadline):
            current = self.books.orders[order.id]
            if current.working:
                self.end(current, OrderStatus.EXPIRED, self.agenda.deadline(order))

    def match(self, tick: int, instant: datetime) -> None:
        """Look at every order that is due on a tick."""
        for order_id in list(self.books.working):
            order = self.books.orders[order_id]
            if order.status not in AT_MARKET or order.live_tick is None or not hours.due(order, tick):
                continue
            outcome = (
                self._floor.look(order, instant, self.whims) if self.agenda.is_open(order, instant) else None
            )
            if outcome is not None:
                self.settle(outcome)
            order = self.books.orders[order_id]
            if order.time_in_force is TimeInForce.IOC and order.working:
                self.end(order, OrderStatus.CANCELLED, instant)

    # -- inside -------------------------------------------------------------------------------

    def _asked(self, order_id: int) -> Order:
        order = self.books.orders[order_id]
        if not order.cancellable:
            raise PreflightError(("cannot_update_order", f"Order {order_id} is {order.status}"))
        return order

    def _awaits_original(self, order: Order) -> bool:
        return order.replaces is not None and self.books.orders[order.replaces].working

    def _cancel(self, order: Order, instant: datetime) -> None:
        race = self.whims.race(order) if order.live_tick is not None else Race.CANCEL
        outcome = None
        if race is Race.FILL:
            outcome = self._floor.force(order, instant)
        elif race is None and self.agenda.is_open(order, instant):
            outcome = self._floor.overtake(order, instant)
        if outcome is not None:
            self.settle(outcome)
            order = outcome.order
        if order.working:
            self.end(order, OrderStatus.CANCELLED, instant)

    def _replace(self, order: Order, instant: datetime) -> None:
        successor = self.books.orders[order.replaced_by or 0]
        outcome = None
        if order.live_tick is not None:
            if self.whims.overtaken(order):
                outcome = self._floor.force(order, instant)
            elif self.agenda.is_open(order, instant):
                outcome = self._floor.overtake(order, instant)
        if outcome is not None:
            self._give_up(successor, outcome, instant)
            return
        pending = order.live_tick is None
        self.end(order, OrderStatus.CANCELLED, instant)
        if pending:
            self.put(replace(successor, contingent_status=order.contingent_status, updated_at=instant))
        else:
            self.release(successor, instant)

    def _give_up(self, successor: Order, outcome: Outcome, instant: datetime) -> None:
        """Abort a replacement: what was to be replaced has filled, wholly or in part, and stays."""
        back = replace(outcome.order, replaced_by=None)
        if back.working:
            back = replace(back, status=OrderStatus.LIVE)
        self.settle(replace(outcome, order=back))
        self.end(successor, OrderStatus.REMOVED, instant)
