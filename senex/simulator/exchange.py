"""The broker itself: accepts, cancels, fills and expires orders, and tells who listens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from senex.simulator import matching
from senex.simulator.books import booking
from senex.simulator.books.lifecycle import Lifecycle
from senex.simulator.books.records import (
    ComplexOrder,
    Order,
    OrderLeg,
    OrderStatus,
    OrderType,
    TimeInForce,
)
from senex.simulator.market.sessions import TICK, new_york, new_york_date
from senex.simulator.preflight import PreflightError, Ticket, prepare
from senex.simulator.whims import Whims

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from senex.simulator.board import Board
    from senex.simulator.books.books import Books
    from senex.simulator.books.journal import Journal
    from senex.simulator.books.statement import Accountant, Effect
    from senex.simulator.clock import MarketClock
    from senex.simulator.market.market import Market
    from senex.simulator.market.quotes import Quote


ALL = 1 << 62
_LEASE_SECONDS = 1.0
"""How far the journal's instant runs ahead of a running clock, in machine seconds."""


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


class Exchange:
    """One simulated broker. All methods run on one thread; every change is journalled before it is seen."""

    def __init__(
        self,
        *,
        market: Market,
        clock: MarketClock,
        board: Board,
        books: Books,
        accountant: Accountant,
        journal: Journal,
        grid: int = 1,
        by_event: bool = False,
    ) -> None:
        self.market = market
        self.clock = clock
        self.board = board
        self.books = books
        self.accountant = accountant
        self._journal = journal
        self._told = clock.now()
        self.on_change: Callable[[Changed], None] = lambda _: None
        self.on_tick: Callable[[], None] = lambda: None
        self.grid, self.by_event = grid, by_event
        self.lifecycle = Lifecycle(self)
        self.whims = Whims()

    @property
    def journal(self) -> Journal:
        """Where changes go before they are seen."""
        return self._journal

    # -- time ---------------------------------------------------------------------------------

    def now(self) -> datetime:
        """The market's instant; one that is told is durably in the past first.

        The journal's instant runs ahead of the clock by a lease, so a killed
        simulator goes on at an instant later than any it has told.
        """
        instant = self.clock.now()
        if instant > self._told:
            self._told = instant + timedelta(seconds=_LEASE_SECONDS * self.clock.speed)
            self._journal.set(instant=self._told.isoformat())
        return instant

    def day(self) -> date:
        """The market's New York date."""
        return new_york_date(self.now())

    def catch_up(self, *, most: int = ALL) -> bool:
        """Process the market up to the clock's tick; whether it moved.

        It goes stop by stop and leaves none out, however late it is called, so the
        same commands at the same instants give the same fills at any speed. After
        ``most`` stops it leaves the rest for the next call.
        """
        return self._play(self.market.tick(self.now()), most=most)

    @property
    def behind(self) -> timedelta:
        """How far the processed market is behind the clock."""
        return self.clock.now() - self.market.instant(self.board.tick)

    def set_speed(self, speed: float) -> None:
        """Run, or pause with 0: the current tick is processed first, so its quotes are final."""
        self.clock.set_speed(speed)
        self.catch_up()
        self._settle_clock()

    def set_grid(self, ticks: int, *, by_event: bool) -> None:
        """Match orders on every so many ticks only: the coarser, the faster a month goes by."""
        self.grid, self.by_event = ticks, by_event
        self._journal.set(grid=str(ticks), by_event=str(int(by_event)))

    def step(self, ticks: int) -> None:
        """Process the next ticks; only while paused. What has arrived is routed first."""
        if ticks:
            self.advance(self.market.instant(self.board.tick + ticks))

    def advance(self, instant: datetime, *, most: int = ALL) -> bool:
        """Play up to an instant while the clock stands; whether it is reached, or ``most`` stops were made."""
        target = self.market.tick(instant)
        self._play(target, most=most)
        reached = self.board.tick >= target
        if reached:
            self.clock.move_to(max(self.clock.now(), instant))
        self._settle_clock()
        return reached

    def jump(self, instant: datetime) -> None:
        """Go on at a later instant; only while paused. Nothing fills on the way, but what ends there ends."""
        instant = max(instant, self.now())
        self._play(self.market.tick(instant), most=ALL, trading=False)
        self.clock.move_to(instant)
        self._settle_clock()

    def next_stop(self, until: int, *, trading: bool = True) -> int:
        """The next tick at which something can happen on the way to ``until``.

        A point of the grid while an order may fill, else the next moment of the broker's timetable.
        """
        tick = self.board.tick
        instant = self.market.instant(tick)
        moment = self.lifecycle.upcoming(instant)
        stop = min(until, -(-(moment - self.market.start) // TICK))
        if trading and self.books.working and instant >= self.market.sessions.upcoming(instant).opens:
            stop = min(stop, (tick // self.grid + 1) * self.grid)
        return max(stop, tick + 1)

    def _play(self, until: int, *, most: int, trading: bool = True) -> bool:
        if until <= self.board.tick:
            return False
        stops = 0
        while self.board.tick < until and stops < most:
            stop = self.next_stop(until, trading=trading)
            with self._journal.transaction():
                self._process(stop, trading=trading or stop == until)
                self._journal.set(tick=str(stop))
            stops += 1
        self.board.show()
        self.on_tick()
        return True

    def _process(self, tick: int, *, trading: bool) -> None:
        """Let happen what happens at a tick."""
        self.route()
        instant = self.market.instant(tick)
        if instant > self.clock.now():
            self.clock.move_to(instant)
        previous, self.board.tick = self.market.instant(self.board.tick), tick
        for order in list(self.books.working.values()):
            if instant >= self._deadline(order):
                self.end(order, OrderStatus.EXPIRED, instant)
        if trading and tick % self.grid == 0 and self.market.sessions.current(instant) is not None:
            for order in list(self.books.working.values()):
                if order.status is OrderStatus.LIVE:
                    self._match(order, instant)
        self.lifecycle.due(previous, instant)

    def _settle_clock(self) -> None:
        self._told = self.clock.now()
        self._journal.set(speed=repr(self.clock.speed), instant=self._told.isoformat())

    # -- orders -------------------------------------------------------------------------------

    def dry_run(self, account: str, ticket: Ticket) -> tuple[Order, Effect]:
        """What accepting the ticket would do.

        Raises:
            PreflightError: the broker would refuse it.
        """
        return self._checked(account, ticket, order_id=-1)

    def submit(self, account: str, ticket: Ticket) -> tuple[Order, Effect]:
        """Accept an order; it becomes live by :meth:`route`.

        Raises:
            PreflightError: the broker refuses it.
        """
        order, effect = self._checked(account, ticket, order_id=0)
        order = replace(order, id=self.books.next_order())
        self._change(order)
        return order, effect

    def replace(self, account: str, order_id: int, ticket: Ticket) -> Order:
        """Cancel a working order and accept one with the same legs in its place.

        Raises:
            PreflightError: the order is terminal, or the new one is refused.
        """
        self.catch_up()
        old = self.books.orders[order_id]
        if not old.working:
            raise PreflightError(("cannot_update_order", f"Order {order_id} is {old.status}"))
        remaining = tuple(OrderLeg(leg.symbol, leg.instrument, leg.action, leg.remaining) for leg in old.legs)
        ticket = replace(
            ticket,
            legs=remaining,
            strict=False,
            external_identifier=ticket.external_identifier or old.external_identifier,
        )
        order, _ = self._checked(account, ticket, order_id=0)
        order = replace(order, id=self.books.next_order(), replaces=old.id, strict=old.strict)
        self.end(replace(old, replaced_by=order.id), OrderStatus.CANCELLED, self.now())
        self._change(order)
        return order

    def request_cancel(self, order_id: int) -> Order:
        """Ask for a cancellation; :meth:`route` completes it.

        Raises:
            PreflightError: the order is terminal.
        """
        self.catch_up()
        order = self.books.orders[order_id]
        if not order.working:
            raise PreflightError(("cannot_update_order", f"Order {order_id} is {order.status}"))
        order = replace(order, status=OrderStatus.CANCEL_REQUESTED, updated_at=self.now())
        self._change(order)
        return order

    def route(self) -> None:
        """Carry received orders to the market and requested cancellations out."""
        instant = self.now()
        for order in list(self.books.working.values()):
            if order.status is OrderStatus.RECEIVED:
                self._change(replace(order, status=OrderStatus.ROUTED, updated_at=instant))
            if order.status in {OrderStatus.RECEIVED, OrderStatus.ROUTED}:
                live = replace(order, status=OrderStatus.LIVE, live_at=instant, updated_at=instant)
                self._change(live)
            elif order.status is OrderStatus.CANCEL_REQUESTED:
                self.end(order, OrderStatus.CANCELLED, instant)

    # -- inside -------------------------------------------------------------------------------

    def _checked(self, account: str, ticket: Ticket, *, order_id: int) -> tuple[Order, Effect]:
        self.catch_up()
        order = prepare(
            ticket,
            order_id=order_id,
            account=account,
            books=self.books,
            market=self.market,
            tick=self.board.tick,
            instant=self.now(),
        )
        effect = self.accountant.effect(order, self.day())
        if order.opens and effect.new < 0 and effect.buying_power_change < 0:
            raise PreflightError(
                (
                    "margin_check_failed",
                    f"Buying power of {effect.current} cannot bear {effect.buying_power_change}",
                )
            )
        return order, effect

    def _change(self, order: Order) -> None:
        self.books.commit([order])
        self.on_change(Changed(order.account, order))

    def end(self, order: Order, status: OrderStatus, instant: datetime) -> None:
        """Bring a working order to a terminal status."""
        cancelled = instant if status is OrderStatus.CANCELLED else None
        self._change(
            replace(order, status=status, updated_at=instant, terminal_at=instant, cancelled_at=cancelled)
        )

    def _deadline(self, order: Order) -> datetime:
        if order.time_in_force is TimeInForce.GTC:
            return order.received_at + timedelta(days=365)
        session = self.market.sessions.upcoming(order.received_at)
        if order.time_in_force is TimeInForce.GTD and order.gtc_date is not None:
            return max(session.closes, new_york(order.gtc_date, 16))
        return session.closes

    def _match(self, order: Order, instant: datetime) -> None:
        quotes: dict[str, Quote] = {}
        for leg in order.legs:
            quote = self.board.firm(leg.symbol)
            if quote is None:
                return
            quotes[leg.symbol] = quote
        sides = matching.sides_of(order, quotes)
        willing = matching.patience(self.market.draws, order.id, self.board.tick - order.received_tick)
        limit = None if order.type is OrderType.MARKET or order.price is None else int(order.price * 100)
        net = matching.net_price(limit, sides, willing)
        if net is not None:
            self._fill(order, matching.split(net, sides), instant)
        elif order.time_in_force is TimeInForce.IOC:
            self.end(order, OrderStatus.CANCELLED, instant)

    def _fill(self, order: Order, prices: dict[str, int], instant: datetime) -> None:
        units = min(order.units_left, self.whims.units(order) or order.units_left)
        filled, entries = booking.fill(
            order,
            units=units,
            prices=prices,
            instant=instant,
            tick=self.board.tick,
            next_entry=self.books.next_entry,
        )
        self.books.commit([filled, *entries])
        self.on_change(Changed(filled.account, filled, moved=tuple(leg.symbol for leg in filled.legs)))
