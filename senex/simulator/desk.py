"""The order desk: accepts, routes, cancels, replaces, fills and ends orders."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from senex.domain.legs import Action
from senex.simulator import hours
from senex.simulator.books.records import (
    AT_MARKET,
    Behavior,
    Order,
    OrderLeg,
    OrderStatus,
    OrderType,
    TimeInForce,
)
from senex.simulator.market.sessions import TICK, new_york_date
from senex.simulator.preflight import Preflight, Rules
from senex.simulator.ticket import PreflightError, Ticket
from senex.simulator.whims import Race, Whims

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from senex.simulator.board import Board
    from senex.simulator.books.books import Books
    from senex.simulator.books.journal import Record
    from senex.simulator.books.lots import Holding
    from senex.simulator.books.records import ComplexOrder
    from senex.simulator.books.statement import Accountant, Effect
    from senex.simulator.execution import Floor, Outcome
    from senex.simulator.market.market import Market
    from senex.simulator.ticket import Problem

RISK_DESK = "risk-desk"
"""The source of the broker's own orders."""


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


@dataclass(frozen=True, slots=True)
class Accepted:
    """An order as it was accepted (or would be), what it does to buying power, and what the broker warns of."""

    order: Order
    effect: Effect
    warnings: tuple[Problem, ...] = ()


class Family(Protocol):
    """What the desk asks about orders that depend on each other."""

    def after(self, order: Order) -> None:
        """An order has changed: let those follow that depend on it."""

    def rivals(self, order: Order) -> tuple[int, ...]:
        """The orders that this one cancels by filling."""

    def successor(self, old: Order, ticket: Ticket, instant: datetime) -> Order:
        """What takes an order's place among those that depend on each other."""


class Desk:
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
        self.books = books
        self.rules = Rules()
        self.whims = Whims()
        self._market = market
        self._board = board
        self._accountant = accountant
        self._floor = floor
        self._tell = tell
        self._deadlines: dict[int, datetime] = {}
        self._windows: dict[int, tuple[datetime, datetime]] = {}
        self.family: Family

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
            self._settle(outcome)
        return self.books.orders[order.id]

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

    def remove(self, order_id: int, instant: datetime) -> None:
        """Take a working order out, as the broker's staff does, for example before a corporate action."""
        order = self.books.orders[order_id]
        status = OrderStatus.PARTIALLY_REMOVED if order.filled_any else OrderStatus.REMOVED
        self.end(order, status, instant)

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

    @property
    def preflight(self) -> Preflight:
        """The checks, by the rules of now."""
        return Preflight(self.books, self._market, self._board, self.rules)

    # -- time ---------------------------------------------------------------------------------

    def expire(self, instant: datetime) -> None:
        """End every order whose time is over, at its own deadline."""
        over = [order for order in self.books.working.values() if self._deadline(order) <= instant]
        for order in sorted(over, key=self._deadline):
            current = self.books.orders[order.id]
            if current.working:
                self.end(current, OrderStatus.EXPIRED, self._deadline(order))

    def match(self, tick: int, instant: datetime) -> None:
        """Look at every order that is due on a tick."""
        for order_id in list(self.books.working):
            order = self.books.orders[order_id]
            if order.status not in AT_MARKET or order.live_tick is None or not hours.due(order, tick):
                continue
            outcome = self._floor.look(order, instant, self.whims) if self._open(order, instant) else None
            if outcome is not None:
                self._settle(outcome)
            order = self.books.orders[order_id]
            if order.time_in_force is TimeInForce.IOC and order.working:
                self.end(order, OrderStatus.CANCELLED, instant)

    def next_due(self, tick: int, grid: int) -> int | None:
        """The next tick (of the grid) at which an order is looked at, or ends; None while none works."""
        return min((self._next_due(order, tick, grid) for order in self.books.working.values()), default=None)

    # -- inside -------------------------------------------------------------------------------

    def _next_due(self, order: Order, tick: int, grid: int) -> int:
        ends = self._tick_at(self._deadline(order))
        if order.live_tick is None:
            return max(ends, tick + 1)
        look = hours.next_look(order, tick)
        opens, _ = self._window(order, self._market.instant(look))
        if self._market.instant(look) < opens:
            look = hours.next_look(order, self._tick_at(opens) - 1)
        return max(min(-(-look // grid) * grid, ends), tick + 1)

    def _tick_at(self, instant: datetime) -> int:
        """The first tick not before an instant."""
        return -((self._market.start - instant) // TICK)

    def _deadline(self, order: Order) -> datetime:
        known = self._deadlines.get(order.id)
        if known is None:
            known = self._deadlines[order.id] = hours.deadline(order, self._market.sessions)
        return known

    def _asked(self, order_id: int) -> Order:
        order = self.books.orders[order_id]
        if not order.cancellable:
            raise PreflightError(("cannot_update_order", f"Order {order_id} is {order.status}"))
        return order

    def _awaits_original(self, order: Order) -> bool:
        return order.replaces is not None and self.books.orders[order.replaces].working

    def _settle(self, outcome: Outcome) -> None:
        order = outcome.order
        self.commit((order, *outcome.entries), [Changed(order.account, order, moved=outcome.symbols)])
        self.family.after(order)

    def _cancel(self, order: Order, instant: datetime) -> None:
        race = self.whims.race(order) if order.live_tick is not None else Race.CANCEL
        outcome = None
        if race is Race.FILL:
            outcome = self._floor.force(order, instant)
        elif race is None and self._open(order, instant):
            outcome = self._floor.overtake(order, instant)
        if outcome is not None:
            self._settle(outcome)
            order = outcome.order
        if order.working:
            self.end(order, OrderStatus.CANCELLED, instant)

    def _replace(self, order: Order, instant: datetime) -> None:
        successor = self.books.orders[order.replaced_by or 0]
        outcome = None
        if order.live_tick is not None:
            if self.whims.overtaken(order):
                outcome = self._floor.force(order, instant)
            elif self._open(order, instant):
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
        self._settle(replace(outcome, order=back))
        self.end(successor, OrderStatus.REMOVED, instant)

    def _open(self, order: Order, instant: datetime) -> bool:
        opens, closes = self._window(order, instant)
        return opens <= instant < closes

    def _window(self, order: Order, instant: datetime) -> tuple[datetime, datetime]:
        """The window of the order that contains the instant or comes next; instants only grow."""
        known = self._windows.get(order.id)
        if known is None or known[1] <= instant:
            known = self._windows[order.id] = hours.opening(order, self._market.sessions, instant)
        return known
