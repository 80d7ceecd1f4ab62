"""A broker in memory: the ``Broker`` port without sockets, obedient to the test.

It keeps orders and echoes identifiers as the real one does; ``answers`` says
what becomes of the next submissions. The simulator is the faithful one; this
is for what a socket cannot be made to do at the right moment.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from senex.domain.calendar import NEW_YORK
from senex.domain.chain import Activity
from senex.domain.errors import Refused, Unavailable, UsageProblem
from senex.domain.legs import InstrumentType
from senex.domain.money import CONTRACT_MULTIPLIER
from senex.domain.orders import BrokerStatus
from senex.domain.symbols import OptionSymbol
from senex.ports.broker import (
    Accepted,
    AccountFacts,
    Ambiguous,
    Balances,
    BrokerFill,
    BrokerLeg,
    BrokerOrder,
    DryRun,
    Holding,
    RefusedByBroker,
)
from senex.testing import market

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from uuid import UUID

    from senex.domain.chain import Candle, Metrics, OptionChain
    from senex.domain.exits import Dividend
    from senex.domain.ledger import LedgerEntry
    from senex.ports.broker import RawMessage, Submission, Ticket
    from senex.ports.clock import Clock

FACTS = AccountFacts("5SX00001", "Test", "Margin", "No Restrictions", closed=False, closing_only=False)
LOST = Ambiguous("the answer got lost")


class MemoryBroker:
    """The ``Broker`` port over a dictionary."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.orders: dict[str, BrokerOrder] = {}
        self.posts: list[Ticket] = []
        self.answers: list[Submission | type[Accepted]] = []
        self.listed: tuple[AccountFacts, ...] = (FACTS,)
        self.held: tuple[Holding, ...] = ()
        self.stops: dict[str, datetime] = {}
        self.ledger: tuple[LedgerEntry, ...] = ()
        self.refuses: str | None = None
        self.offset = timedelta(0)
        self.balances_told = Balances(Decimal(50_000), Decimal(50_000), Decimal(50_000), Decimal(0))
        self.renames = True
        """Whether what replaces an order carries the name it was sent with; else it keeps the old one's."""
        self.unlisted: set[str] = set()
        """Orders that only a look at each by its id still shows."""
        self.past: dict[str, date] = {}
        """Orders of days gone by, which only the history lists, and those days."""
        self.away: set[str] = set()
        """Calls that find the broker away, by name."""
        self.chain_told = market.chain()
        self.bars_told = market.bars()
        self.dividend_told: Dividend | None = None
        self.metrics_told = market.metrics()
        self.marks: dict[str, UUID] = {}
        self.refuses_marks = False
        self.activity_told = Activity(1200, 340)
        self.unlisted_underlyings: set[str] = set()
        """Underlyings it does not know."""

    def _there(self, call: str) -> None:
        if call in self.away:
            raise Unavailable("E_BROKER_AWAY", f"The broker does not answer {call}; senex tries again.")

    async def clock_offset(self) -> timedelta:
        self._there("clock_offset")
        return self.offset

    async def accounts(self) -> tuple[AccountFacts, ...]:
        self._there("accounts")
        return self.listed

    async def balances(self, number: str) -> Balances:
        self._there("balances")
        return self.balances_told

    async def holdings(self, number: str) -> tuple[Holding, ...]:
        """What all fills leave, on top of what was put there besides."""
        found = {each.symbol: each for each in self.held}
        for order in self.orders.values():
            for leg in order.legs:
                filled = leg.action.sign * sum(fill.quantity for fill in leg.fills)
                known = found.get(leg.symbol) or _holding(leg.symbol)
                found[leg.symbol] = replace(known, quantity=known.quantity + filled)
        return tuple(each for each in found.values() if each.quantity)

    async def live_orders(self, number: str) -> tuple[BrokerOrder, ...]:
        return tuple(order for order in await self._listed(number) if order.id not in self.past)

    async def order_history(self, number: str, since: date) -> tuple[BrokerOrder, ...]:
        return tuple(order for order in await self._listed(number) if self.past.get(order.id, since) >= since)

    async def _listed(self, number: str) -> tuple[BrokerOrder, ...]:
        self._there("live_orders")
        return tuple(
            order
            for order in self.orders.values()
            if order.account_number == number and order.id not in self.unlisted
        )

    async def transactions(self, number: str, since: date) -> tuple[LedgerEntry, ...]:
        return tuple(entry for entry in self.ledger if entry.day >= since)

    async def order(self, number: str, order_id: str) -> BrokerOrder:
        self._there("order")
        return self.orders[order_id]

    async def dry_run(self, ticket: Ticket) -> DryRun:
        if self.refuses is not None:
            raise Refused("E_BROKER_PREFLIGHT", f"The broker would refuse this order: {self.refuses}.")
        return DryRun(Decimal(-200), Decimal(49_800), Decimal(200), Decimal("7.70"), ())

    async def prepare(self) -> None:
        """There is no token."""

    async def submit(self, ticket: Ticket, *, first_byte_by: float | None = None) -> Submission:
        """Take the order, then answer as told: a lost answer still leaves an order behind."""
        self.posts.append(ticket)
        answer = self.answers.pop(0) if self.answers else Accepted
        if isinstance(answer, RefusedByBroker):
            return answer
        order = BrokerOrder(
            id=str(1000 + len(self.posts)),
            account_number=ticket.account_number,
            underlying=ticket.legs[0].symbol[:6].strip(),
            status=BrokerStatus.LIVE,
            external_identifier=ticket.external_identifier,
            legs=tuple(BrokerLeg(leg.symbol, leg.action, leg.quantity, ()) for leg in ticket.legs),
            price=ticket.limit_price,
            reject_reason=None,
            updated_at=self._clock.now(),
        )
        self.orders[order.id] = order
        return answer if isinstance(answer, Ambiguous) else Accepted(order)

    async def replace(
        self, order_id: str, ticket: Ticket, *, first_byte_by: float | None = None
    ) -> Submission:
        """End the old order and take the new one with what was left of it, then answer as told."""
        old = self.orders[order_id]
        if old.status is not BrokerStatus.LIVE:
            self.posts.append(ticket)
            return RefusedByBroker(
                "E_BROKER_PREFLIGHT", f"cannot_update_order: {old.status}", retriable=False
            )
        outcome = await self.submit(ticket)
        if isinstance(outcome, RefusedByBroker):
            return outcome
        left = tuple(
            replace(leg, quantity=leg.quantity - sum(fill.quantity for fill in leg.fills), fills=())
            for leg in old.legs
        )
        name = ticket.external_identifier if self.renames else old.external_identifier
        new = list(self.orders.values())[-1]
        new = self.orders[new.id] = replace(
            new, replaces=old.id, external_identifier=name, legs=tuple(leg for leg in left if leg.quantity)
        )
        self.orders[old.id] = replace(old, status=BrokerStatus.CANCELLED, replaced_by=new.id)
        return outcome if isinstance(outcome, Ambiguous) else Accepted(new)

    def fill(self, order_id: str, prices: dict[str, Decimal], share: tuple[int, int] = (1, 1)) -> BrokerOrder:
        """Fill ``share`` (numerator, denominator) of every leg at its price; the order as it then is."""
        order = self.orders[order_id]
        legs = tuple(self._filled(order_id, leg, prices[leg.symbol], share) for leg in order.legs)
        whole = all(sum(fill.quantity for fill in leg.fills) == leg.quantity for leg in legs)
        status = BrokerStatus.FILLED if whole else BrokerStatus.LIVE
        self.orders[order_id] = replace(order, legs=legs, status=status)
        return self.orders[order_id]

    def end(self, order_id: str, status: BrokerStatus) -> BrokerOrder:
        """End the order there; the order as it then is."""
        self.orders[order_id] = replace(self.orders[order_id], status=status)
        return self.orders[order_id]

    def _filled(self, order_id: str, leg: BrokerLeg, price: Decimal, share: tuple[int, int]) -> BrokerLeg:
        fill = BrokerFill(
            f"{order_id}-{leg.symbol}-{len(leg.fills)}",
            leg.quantity * share[0] // share[1],
            price,
            self._clock.now(),
        )
        return replace(leg, fills=(*leg.fills, fill))

    async def cancel(self, number: str, order_id: str) -> None:
        order = self.orders[order_id]
        if order.status is not BrokerStatus.LIVE:
            raise Refused("E_BROKER_PREFLIGHT", "cannot_update_order: the order has ended")
        self.orders[order_id] = replace(order, status=BrokerStatus.CANCELLED)

    async def chain(self, underlying: str) -> OptionChain:
        return self.chain_told

    async def metrics(self, underlying: str) -> Metrics:
        self._there("metrics")
        if underlying in self.unlisted_underlyings:
            raise UsageProblem("E_SYMBOL_UNKNOWN", f"There is no {underlying}.")
        return replace(self.metrics_told, symbol=underlying)

    async def dividend(self, underlying: str) -> Dividend | None:
        return self.dividend_told

    async def activity(self, symbols: Sequence[str]) -> dict[str, Activity]:
        self._there("activity")
        return dict.fromkeys(symbols, self.activity_told)

    async def stops_trading_at(self, symbols: Sequence[str]) -> dict[str, datetime]:
        """A quarter past four on the day they expire, unless told otherwise."""
        last = {symbol: OptionSymbol.from_occ(symbol).expiry for symbol in symbols}
        return {
            symbol: self.stops.get(symbol, datetime.combine(day, time(16, 15), NEW_YORK))
            for symbol, day in last.items()
        }

    async def daily_candles(self, underlying: str, since: date) -> tuple[Candle, ...]:
        return self.bars_told

    async def mark(self, name: str) -> UUID | None:
        self._there("mark")
        if self.refuses_marks:
            raise UsageProblem("E_BROKER_REQUEST", "The broker keeps no marks.")
        return self.marks.get(name)

    async def set_mark(self, name: str, deployment: UUID) -> None:
        self._there("set_mark")
        if self.refuses_marks:
            raise UsageProblem("E_BROKER_REQUEST", "The broker keeps no marks.")
        self.marks[name] = deployment

    def read_orders(self, message: RawMessage, *, seen: dict[str, BrokerOrder]) -> tuple[BrokerOrder, ...]:
        """As ``read_alert``."""
        order = self.orders.get(message.body)
        return () if order is None else (order,)

    def read_alert(self, text: str) -> BrokerOrder | None:
        """An alert of this broker is the id of an order it has."""
        return self.orders.get(text)


def _holding(symbol: str) -> Holding:
    return Holding(
        symbol=symbol,
        instrument=InstrumentType.EQUITY_OPTION,
        underlying=symbol[:6].strip(),
        quantity=Decimal(0),
        multiplier=CONTRACT_MULTIPLIER,
        average_open_price=Decimal(0),
        mark=None,
    )
