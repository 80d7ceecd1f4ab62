"""What the tests of the simulator's books share: an account without sockets, and the law of its books."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from senex.domain.legs import Action, InstrumentType
from senex.domain.money import cents
from senex.domain.symbols import OptionSymbol, Right
from senex.simulator.assembly import Options, Simulator, assemble
from senex.simulator.books.clerk import Clerk
from senex.simulator.books.records import Lot, OrderLeg, OrderType, TimeInForce
from senex.simulator.books.statement import Accountant
from senex.simulator.market.contracts import contract
from senex.simulator.market.sessions import new_york
from senex.simulator.rendering import balance_json
from senex.simulator.ticket import Ticket

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from senex.simulator.books.books import Books
    from senex.simulator.books.records import Entry, Order


def occ(root: str, day: date, right: Right, strike: object) -> str:
    """An OCC symbol."""
    return OptionSymbol(root, day, right, Decimal(str(strike))).occ


def put(root: str, day: date, strike: object) -> str:
    return occ(root, day, Right.PUT, strike)


def call(root: str, day: date, strike: object) -> str:
    return occ(root, day, Right.CALL, strike)


def balanced(simulator: Simulator) -> None:
    """Cash is the sum of the ledger, net liquidation is cash and marks, positions are what the ledger moved."""
    exchange = simulator.exchange
    for number in exchange.books.accounts:
        entries = exchange.books.entries[number]
        cash = sum((entry.net_value for entry in entries), Decimal(0))
        assert cash == exchange.books.cash[number] == cents(cash)
        marked, moved = cash, Counter[str]()
        for entry in entries:
            if entry.symbol is not None and entry.action is not None:
                moved[entry.symbol] += entry.action.sign * entry.quantity  # type: ignore[assignment]
        held = {one.symbol: one for one in exchange.books.holdings[number].values() if one.lots}
        assert {symbol: count for symbol, count in moved.items() if count} == {
            symbol: one.quantity for symbol, one in held.items()
        }
        for symbol, one in held.items():
            marked += cents((exchange.board.mark(symbol) or Decimal(0)) * one.quantity * one.multiplier)
        told = balance_json(exchange, number)
        assert Decimal(str(told["net-liquidating-value"])) == marked
        assert Decimal(str(told["cash-balance"])) == cash
        known = exchange.accountant.statement(number)
        assert known == Accountant(exchange.books, exchange.board).statement(number)  # nothing kept is stale
        for required in exchange.accountant.margins(number).values():
            assert required.initial >= required.maintenance >= 0
            assert all(initial >= kept >= 0 for _, initial, kept in required.parts)


def state(books: Books) -> tuple[object, ...]:
    """Everything the books know, to compare."""
    held = {
        (number, one.symbol, tuple(one.lots), tuple(sorted(one.realized.items())))
        for number in books.accounts
        for one in books.holdings[number].values()
        if one.lots
    }
    return (
        books.accounts,
        books.orders,
        list(books.orders),
        list(books.working),
        dict(books.entries),
        {number: books.cash[number] for number in books.accounts},
        held,
        books.claims,
        {number: books.snapshots[number] for number in books.accounts},
        {number: books.samples[number] for number in books.accounts},
    )


def ticket(
    legs: Iterable[tuple[str, Action, int]], price: Decimal | None, tif: TimeInForce = TimeInForce.DAY
) -> Ticket:
    """An order as a client asks for it."""
    made = tuple(
        OrderLeg(
            symbol,
            InstrumentType.EQUITY if contract(symbol) is None else InstrumentType.EQUITY_OPTION,
            action,
            quantity,
        )
        for symbol, action, quantity in legs
    )
    return Ticket(OrderType.MARKET if price is None else OrderType.LIMIT, tif, made, price)


@dataclass
class World:
    """One account of a paused simulator."""

    simulator: Simulator

    @classmethod
    def opened(cls, **options: object) -> World:
        """A new simulator."""
        return cls(assemble(Options(**{"seed": 7, "speed": 0.0, **options})))  # type: ignore[arg-type]

    @property
    def account(self) -> str:
        return self.simulator.account

    @property
    def books(self) -> Books:
        return self.simulator.exchange.books

    @property
    def positions(self) -> dict[str, object]:
        """Open positions, signed."""
        return {one.symbol: one.quantity for one in self.books.holdings[self.account].values() if one.lots}

    @property
    def net_liquidation(self) -> Decimal:
        return self.simulator.exchange.accountant.statement(self.account).net_liquidation

    def close_of(self, symbol: str, day: date) -> Decimal:
        """An underlying's official close."""
        return self.simulator.exchange.market.settlement(symbol, day)

    def hold(self, symbol: str, quantity: int, price: object = 1) -> None:
        """Have a position that was opened elsewhere."""
        exchange = self.simulator.exchange
        clerk = Clerk(exchange, self.account, exchange.day(), exchange.now())
        clerk.transfer(symbol, Lot(quantity, Decimal(str(price))))

    def order(
        self, *legs: tuple[str, Action, int], price: object | None = None, tif: TimeInForce = TimeInForce.DAY
    ) -> Order:
        """Submit an order; it is live afterwards."""
        exchange = self.simulator.exchange
        limit = None if price is None else Decimal(str(price))
        accepted = exchange.submit(self.account, ticket(legs, limit, tif))
        exchange.route()
        return exchange.books.orders[accepted.order.id]

    def jump(self, day: date, hour: int, minute: int = 0) -> None:
        """Go to a New York time."""
        self.simulator.exchange.jump(new_york(day, hour, minute))

    def told(self) -> list[Entry]:
        """What was received and delivered, transfers in apart."""
        entries = self.books.entries[self.account]
        return [one for one in entries if one.type == "Receive Deliver" and one.sub_type != "Transfer"]
