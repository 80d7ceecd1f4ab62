"""The books of all accounts: a fold over the journal."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING

from senex.domain.money import ZERO
from senex.simulator.books.journal import Past
from senex.simulator.books.lots import Holding
from senex.simulator.books.records import Account, Claim, ComplexOrder, Entry, Order, Sample, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

    from senex.simulator.books.journal import Journal, Record
    from senex.simulator.books.records import Quantity
    from senex.simulator.market.sessions import Session

OPENING_CASH = Decimal("50000.00")
_FIRST_ORDER = 401_000_001
_FIRST_ENTRY = 701_000_001
_FIRST_COMPLEX = 80_001


class Books:
    """Accounts, orders, ledger entries, and what follows from them: cash and holdings."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.accounts: dict[str, Account] = {}
        self.orders: dict[int, Order] = {}
        self.working: dict[int, Order] = {}
        self.unrouted: dict[int, None] = {}
        self._on_symbol: dict[tuple[str, str], dict[int, None]] = defaultdict(dict)
        self.complex_orders: dict[int, ComplexOrder] = {}
        self.entries: dict[str, list[Entry]] = defaultdict(list)
        self.cash: dict[str, Decimal] = defaultdict(lambda: ZERO)
        self.holdings: dict[str, dict[str, Holding]] = defaultdict(dict)
        """Open positions, and those closed on the day of the account's last entry."""
        self._next_order, self._next_entry, self._next_complex = _FIRST_ORDER, _FIRST_ENTRY, _FIRST_COMPLEX
        self.snapshots: dict[str, list[Snapshot]] = defaultdict(list)
        self.samples: dict[str, list[Sample]] = defaultdict(list)
        self.claims: dict[tuple[str, str, date], Claim] = {}
        self.versions: Counter[tuple[str, str]] = Counter()
        """Counts the changes of an account's positions on an underlying, and ("") of all of them."""
        self._changed: dict[str, set[int]] = defaultdict(set)
        self._days: dict[str, date] = {}
        for record in journal.replay():
            self._apply(record)
        self.orders = dict(sorted(self.orders.items()))
        self.working = dict(sorted(self.working.items()))

    def as_of(self, instant: datetime) -> Books:
        """The books as they were at an earlier instant, to be read only."""
        return Books(Past(self._journal.database, None, instant))

    def commit(self, records: Iterable[Record]) -> None:
        """Make changes durable, then visible."""
        known = list(records)
        self._journal.append(known)
        for record in known:
            self._apply(record)

    def open_account(self, number: str, session: Session, margin_or_cash: str) -> None:
        """Open an account with its first deposit, at the opening of a session."""
        account = Account(number, f"Simulated {number}", session.opens, margin_or_cash)
        deposit = Entry(
            id=self.next_entry(),
            account=number,
            type="Money Movement",
            sub_type="Deposit",
            description="Opening deposit",
            executed_at=session.opens,
            day=session.day,
            value=OPENING_CASH,
        )
        self.commit([account, deposit])

    @property
    def coming_order(self) -> int:
        """The order id that the next order will have."""
        return self._next_order

    def next_order(self) -> int:
        """An order id never used before."""
        self._next_order += 1
        return self._next_order - 1

    def next_complex(self) -> int:
        """A complex order's id never used before."""
        self._next_complex += 1
        return self._next_complex - 1

    def next_entry(self) -> int:
        """A ledger entry id never used before."""
        self._next_entry += 1
        return self._next_entry - 1

    def orders_of(self, account: str) -> list[Order]:
        """An account's orders, oldest first."""
        return [order for order in self.orders.values() if order.account == account]

    def working_of(self, account: str) -> list[Order]:
        """An account's orders that can still fill."""
        return [order for order in self.working.values() if order.account == account]

    def complex_of(self, account: str) -> list[ComplexOrder]:
        """An account's complex orders, oldest first."""
        return [one for one in self.complex_orders.values() if one.account == account]

    def working_on(self, account: str, symbol: str) -> list[Order]:
        """An account's orders that can still fill and have a leg of a symbol, oldest first."""
        return [self.orders[number] for number in sorted(self._on_symbol[account, symbol])]

    def take_changed(self, account: str) -> list[int]:
        """The orders that changed since this was last asked."""
        return sorted(self._changed.pop(account, ()))

    def claims_of(self, account: str) -> list[Claim]:
        """Dividends that an account is yet to be paid, or to pay."""
        return [claim for claim in self.claims.values() if claim.account == account and not claim.paid]

    def quantity(self, account: str, symbol: str) -> Quantity:
        """What an account holds of a symbol, signed."""
        holding = self.holdings[account].get(symbol)
        return 0 if holding is None else holding.quantity

    def _apply(self, record: Record) -> None:
        if isinstance(record, Order):
            self._keep(record)
        elif isinstance(record, ComplexOrder):
            self._next_complex = max(self._next_complex, record.id + 1)
            self.complex_orders[record.id] = record
        elif isinstance(record, Entry):
            self._book(record)
        elif isinstance(record, Account):
            self.accounts[record.number] = record
        elif isinstance(record, Snapshot):
            self.snapshots[record.account].append(record)
        elif isinstance(record, Sample):
            self.samples[record.account].append(record)
        else:
            self.claims[record.account, record.symbol, record.ex_date] = record

    def _keep(self, record: Order) -> None:
        self._next_order = max(self._next_order, record.id + 1)
        self.orders[record.id] = record
        self._changed[record.account].add(record.id)
        if record.working:
            self.working[record.id] = record
            for leg in record.legs:
                self._on_symbol[record.account, leg.symbol][record.id] = None
        else:
            self.working.pop(record.id, None)
            for leg in record.legs:
                self._on_symbol[record.account, leg.symbol].pop(record.id, None)
        self.unrouted.pop(record.id, None)
        if record.to_route:
            self.unrouted[record.id] = None

    def _book(self, entry: Entry) -> None:
        self._next_entry = max(self._next_entry, entry.id + 1)
        self.entries[entry.account].append(entry)
        self.cash[entry.account] += entry.net_value
        self._forget_closed(entry.account, entry.day)
        if entry.symbol is None or entry.instrument is None or entry.action is None:
            return
        holdings = self.holdings[entry.account]
        holding = holdings.get(entry.symbol)
        if holding is None:
            holding = holdings[entry.symbol] = Holding(
                symbol=entry.symbol,
                instrument=entry.instrument,
                underlying=entry.underlying or entry.symbol,
                opened_at=entry.executed_at,
                updated_at=entry.executed_at,
            )
        holding.book(entry)
        self.versions.update([(entry.account, holding.underlying), (entry.account, "")])

    def _forget_closed(self, account: str, day: date) -> None:
        """Positions closed on an earlier day are history: the ledger has them."""
        if self._days.get(account) == day:
            return
        self._days[account] = day
        holdings = self.holdings[account]
        for symbol in [symbol for symbol, holding in holdings.items() if not holding.lots]:
            del holdings[symbol]
