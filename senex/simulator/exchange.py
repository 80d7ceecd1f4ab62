"""The broker itself: accepts, cancels, fills and expires orders, and tells who listens."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from senex.simulator.books.lifecycle import Lifecycle
from senex.simulator.complexes import Complexes
from senex.simulator.desk import Accepted, Desk
from senex.simulator.execution import Floor
from senex.simulator.market.sessions import TICK, new_york_date
from senex.simulator.register import Changed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date, datetime

    from senex.simulator.board import Board
    from senex.simulator.books.books import Books
    from senex.simulator.books.journal import Journal
    from senex.simulator.books.lots import Holding
    from senex.simulator.books.records import ComplexOrder, Order, OrderStatus
    from senex.simulator.books.statement import Accountant
    from senex.simulator.clock import MarketClock
    from senex.simulator.complexes import AcceptedComplex
    from senex.simulator.market.market import Market
    from senex.simulator.ticket import ComplexTicket, Ticket
    from senex.simulator.whims import Whims

__all__ = ["Accepted", "Changed", "Exchange"]

ALL = 1 << 62
_LEASE_SECONDS = 1.0
"""How far the journal's instant runs ahead of a running clock, in machine seconds."""


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
        self._held: list[Changed] = []
        self.on_change: Callable[[Changed], None] = lambda _: None
        self.on_tick: Callable[[], None] = lambda: None
        self.grid, self.by_event = grid, by_event
        self.desk = Desk(
            market=market,
            board=board,
            books=books,
            accountant=accountant,
            floor=Floor(board=board, books=books, draws=market.draws),
            tell=self.tell,
        )
        self.complexes = Complexes(self.desk)
        self.lifecycle = Lifecycle(self)

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
        due = self.desk.agenda.next_due(self.books.working.values(), tick, self.grid) if trading else None
        return max(stop if due is None else min(stop, due), tick + 1)

    def _play(self, until: int, *, most: int, trading: bool = True) -> bool:
        if until <= self.board.tick:
            return False
        stops = 0
        while self.board.tick < until and stops < most:
            with self._journal.transaction():
                self.route()
                stop = self.next_stop(until, trading=trading)
                self._process(stop, trading=trading or stop == until)
                self._journal.set(tick=str(stop))
            self.flush()
            stops += 1
        self.board.show()
        self.on_tick()
        return True

    def _process(self, tick: int, *, trading: bool) -> None:
        """Let happen what happens at a tick."""
        instant = self.market.instant(tick)
        if instant > self.clock.now():
            self.clock.move_to(instant)
        previous, self.board.tick = self.market.instant(self.board.tick), tick
        self.desk.expire(instant)
        if trading and tick % self.grid == 0:
            self.desk.match(tick, instant)
        self.lifecycle.due(previous, instant)

    def _settle_clock(self) -> None:
        self._told = self.clock.now()
        self._journal.set(speed=repr(self.clock.speed), instant=self._told.isoformat())

    # -- orders -------------------------------------------------------------------------------

    @property
    def whims(self) -> Whims:
        """Where the broker may surprise."""
        return self.desk.whims

    @whims.setter
    def whims(self, whims: Whims) -> None:
        self.desk.whims = whims

    def dry_run(self, account: str, ticket: Ticket) -> Accepted:
        """What accepting the ticket would do.

        Raises:
            PreflightError: the broker would refuse it.
        """
        self.catch_up()
        return self.desk.check(account, ticket, self.now(), order_id=-1)

    def submit(self, account: str, ticket: Ticket) -> Accepted:
        """Accept an order, answered as it was received; it is live before anything else happens.

        Raises:
            PreflightError: the broker refuses it.
        """
        with self._carried_out() as instant:
            return self.desk.submit(account, ticket, instant)

    def replace(self, order_id: int, ticket: Ticket) -> Order:
        """Accept an order with the same legs in the place of a working one.

        Raises:
            PreflightError: the order is terminal, or the new one is refused.
        """
        with self._carried_out() as instant:
            return self.desk.replace(order_id, ticket, instant)

    def request_cancel(self, order_id: int) -> Order:
        """Ask for a cancellation, answered as it was asked for; it is carried out before anything else happens.

        Raises:
            PreflightError: the order is terminal.
        """
        with self._carried_out() as instant:
            return self.desk.request_cancel(order_id, instant)

    def dry_run_complex(self, account: str, ticket: ComplexTicket) -> AcceptedComplex:
        """What accepting a complex order would do.

        Raises:
            PreflightError: the broker would refuse it.
        """
        self.catch_up()
        return self.complexes.check(account, ticket, self.now())

    def submit_complex(self, account: str, ticket: ComplexTicket) -> AcceptedComplex:
        """Accept a complex order.

        Raises:
            PreflightError: the broker refuses it.
        """
        with self._carried_out() as instant:
            return self.complexes.submit(account, ticket, instant)

    def cancel_complex(self, complex_id: int) -> ComplexOrder:
        """Ask to cancel all of a complex order.

        Raises:
            PreflightError: it is terminal.
        """
        with self._carried_out() as instant:
            return self.complexes.request_cancel(complex_id, instant)

    def route(self) -> None:
        """Carry out what an earlier process left on its way."""
        if self.books.unrouted:
            with self._carried_out():
                pass

    @contextmanager
    def _carried_out(self) -> Iterator[datetime]:
        """Do a command at the market's instant and carry it out: journalled together, told in order."""
        self.catch_up()
        instant = self.now()
        with self._journal.transaction():
            yield instant
            self.desk.route(instant)
        self.flush()

    def force(self, account: str, ticket: Ticket, instant: datetime) -> Order:
        """Enter an order of the broker's own desk.

        Raises:
            PreflightError: there is no such order to enter.
        """
        return self.desk.force(account, ticket, instant)

    def end(self, order: Order, status: OrderStatus, instant: datetime, reason: str | None = None) -> None:
        """Bring a working order to a terminal status."""
        self.desk.end(order, status, instant, reason)

    def moved(self, account: str, symbols: tuple[str, ...] = ()) -> None:
        """Tell that positions and cash moved without an order."""
        self.tell(Changed(account, moved=symbols, money=True))

    def close_out(self, account: str, holding: Holding, instant: datetime) -> Order:
        """Close a position by a market order of the broker's own, filled at once."""
        return self.desk.close_out(account, holding, instant)

    def remove(self, order_id: int, instant: datetime) -> None:
        """Take a working order out, as the broker's staff does."""
        self.desk.remove(order_id, instant)

    def tell(self, change: Changed) -> None:
        """Tell of a change, once it is in the journal."""
        self._held.append(change)
        self.flush()

    def flush(self) -> None:
        """Tell of what was held back while the journal's transaction was open."""
        if self._journal.database.in_transaction:
            return
        held, self._held = self._held, []
        for change in held:
            self.on_change(change)
