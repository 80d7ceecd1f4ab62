"""The clerk: writes what happens to positions without an order into the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from senex.domain.legs import Action, InstrumentType
from senex.domain.money import ZERO, cents
from senex.simulator.books.fees import Fees
from senex.simulator.books.records import Entry, OrderStatus
from senex.simulator.market.contracts import contract
from senex.simulator.market.profiles import PROFILES

if TYPE_CHECKING:
    from datetime import date, datetime
    from decimal import Decimal

    from senex.simulator.board import Board
    from senex.simulator.books.books import Books
    from senex.simulator.books.lots import Holding
    from senex.simulator.books.records import Lot, Order, Quantity
    from senex.simulator.books.statement import Accountant
    from senex.simulator.market.contracts import Contract
    from senex.simulator.market.market import Market

NO_FEES = Fees()


class Host(Protocol):
    """What the life cycle asks of the exchange."""

    market: Market
    board: Board
    books: Books
    accountant: Accountant

    def moved(self, account: str, symbols: tuple[str, ...] = ()) -> None:
        """Tell listeners that positions and cash moved without an order."""

    def end(self, order: Order, status: OrderStatus, instant: datetime, reason: str | None = None) -> None:
        """Bring a working order to a terminal status."""

    def close_out(self, account: str, holding: Holding, instant: datetime) -> Order:
        """Close a position by a market order of the broker's own."""


def closing(quantity: Quantity) -> Action:
    """The action that takes from a position of a sign."""
    return Action.SELL_TO_CLOSE if quantity > 0 else Action.BUY_TO_CLOSE


def opening(quantity: Quantity) -> Action:
    """The action that adds to a position of a sign."""
    return Action.BUY_TO_OPEN if quantity > 0 else Action.SELL_TO_OPEN


@dataclass(frozen=True, slots=True)
class Clerk:
    """Books events of one account at an instant, under a date."""

    host: Host
    account: str
    day: date
    instant: datetime

    def remove(
        self,
        holding: Holding,
        sub_type: str,
        description: str,
        *,
        value: Decimal = ZERO,
        price: Decimal | None = None,
        fees: Fees = NO_FEES,
        basis: tuple[Lot, ...] | None = None,
    ) -> None:
        """Take a whole position away, for what it is worth."""
        quantity = holding.quantity
        self._book(
            "Receive Deliver",
            sub_type,
            description,
            value=value,
            price=price,
            fees=fees,
            basis=basis,
            symbol=holding.symbol,
            instrument=holding.instrument,
            underlying=holding.underlying,
            action=closing(quantity),
            quantity=quantity if quantity > 0 else -quantity,
        )

    def receive(self, holding: Holding, symbol: str, lots: tuple[Lot, ...], sub_type: str) -> None:
        """Put lots under a symbol in a position's place: nothing is realised."""
        quantity = sum((lot.quantity for lot in lots), 0)
        held = self.host.books.holdings[self.account].get(symbol)
        before = () if held is None else tuple(held.lots)
        size = quantity if quantity > 0 else -quantity
        self._book(
            "Receive Deliver",
            sub_type,
            f"{sub_type}: received {size} {symbol.strip()}",
            basis=(*before, *lots),
            symbol=symbol,
            instrument=holding.instrument,
            underlying=holding.underlying,
            action=opening(quantity),
            quantity=size,
        )

    def deliver(self, known: Contract, contracts: Quantity, *, fees: Fees) -> None:
        """Move the shares of exercised or assigned contracts at their strike, closing what is open first."""
        symbol, books = known.underlying, self.host.books
        shares = int(contracts) * known.shares
        price = round(known.option.strike * known.multiplier / known.shares, 4)
        held = books.quantity(self.account, symbol)
        closed = 0
        if held * shares < 0:
            closed = -min(int(held), -shares) if held > 0 else min(int(-held), shares)
        cost = int(contracts) * known.option.strike * known.multiplier
        paid = cents(cost * closed / shares)
        parts = ((closed, paid, closing(-closed)), (shares - closed, cost - paid, opening(shares - closed)))
        for part, value, action in parts:
            if part:
                verb = "Buy" if part > 0 else "Sell"
                self._book(
                    "Receive Deliver",
                    str(action),
                    f"{verb} {abs(part)} {symbol} @ {price}",
                    value=-value,
                    price=price,
                    fees=fees,
                    symbol=symbol,
                    instrument=InstrumentType.EQUITY,
                    underlying=symbol,
                    action=action,
                    quantity=abs(part),
                )
                fees = NO_FEES

    def pay(self, sub_type: str, description: str, value: Decimal, symbol: str | None = None) -> None:
        """Move cash alone."""
        self._book(
            "Money Movement",
            sub_type,
            description,
            value=value,
            symbol=symbol,
            instrument=None if symbol is None else InstrumentType.EQUITY,
            underlying=symbol,
        )

    def transfer(self, symbol: str, lot: Lot) -> None:
        """Take over a position that was opened elsewhere, with its cost: no cash moves.

        Raises:
            ValueError: there is no such symbol, or a position the other way.
        """
        known = contract(symbol)
        underlying = symbol if known is None else known.underlying
        if underlying not in PROFILES or (known is None and PROFILES[underlying].is_index):
            raise ValueError(f"{symbol} is no stock, fund or option")
        if known is not None and known.expires_at <= self.instant:
            raise ValueError(f"{symbol} has expired")
        if not lot.quantity or self.host.books.quantity(self.account, symbol) * lot.quantity < 0:
            raise ValueError(f"{lot.quantity} {symbol} cannot be transferred in")
        held = self.host.books.holdings[self.account].get(symbol)
        before = () if held is None else tuple(held.lots)
        self._book(
            "Receive Deliver",
            "Transfer",
            f"Transfer of {lot.quantity} {symbol.strip()}",
            price=lot.price,
            basis=(*before, lot),
            symbol=symbol,
            instrument=InstrumentType.EQUITY if known is None else InstrumentType.EQUITY_OPTION,
            underlying=underlying,
            action=opening(lot.quantity),
            quantity=lot.quantity if lot.quantity > 0 else -lot.quantity,
        )
        self.host.moved(self.account, (symbol,))

    def withdraw(self, symbols: set[str], reason: str) -> None:
        """End the orders that would close positions that are gone, or trade what no longer exists."""
        for order in self.host.books.working_of(self.account):
            if any(leg.symbol in symbols for leg in order.legs):
                self.host.end(order, OrderStatus.CANCELLED, self.instant, reason)

    def _book(
        self,
        kind: str,
        sub_type: str,
        description: str,
        *,
        value: Decimal = ZERO,
        fees: Fees = NO_FEES,
        symbol: str | None = None,
        instrument: InstrumentType | None = None,
        underlying: str | None = None,
        action: Action | None = None,
        quantity: Quantity = 0,
        price: Decimal | None = None,
        basis: tuple[Lot, ...] | None = None,
    ) -> None:
        entry = Entry(
            id=self.host.books.next_entry(),
            account=self.account,
            type=kind,
            sub_type=sub_type,
            description=description,
            executed_at=self.instant,
            day=self.day,
            value=value,
            clearing_fees=fees.clearing,
            regulatory_fees=fees.regulatory,
            symbol=symbol,
            instrument=instrument,
            underlying=underlying,
            action=action,
            quantity=quantity,
            price=price,
            basis=basis,
        )
        self.host.books.commit([entry])
