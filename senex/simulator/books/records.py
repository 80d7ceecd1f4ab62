"""What the books keep: accounts, orders, complex orders and ledger entries, all frozen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime  # noqa: TC003  read at run time by the journal's codec
from decimal import Decimal
from enum import StrEnum
from functools import reduce
from math import gcd

from senex.domain.legs import Action, InstrumentType

SHARES_PER_CONTRACT = 100


Quantity = int | Decimal
"""Contracts and shares are whole; only shares bought for a notional value have a fraction."""


class OrderStatus(StrEnum):
    """The broker's words for an order's state."""

    RECEIVED = "Received"
    ROUTED = "Routed"
    IN_FLIGHT = "In Flight"
    CONTINGENT = "Contingent"
    LIVE = "Live"
    CANCEL_REQUESTED = "Cancel Requested"
    REPLACE_REQUESTED = "Replace Requested"
    FILLED = "Filled"
    CANCELLED = "Cancelled"
    EXPIRED = "Expired"
    REJECTED = "Rejected"
    REMOVED = "Removed"
    PARTIALLY_REMOVED = "Partially Removed"


TERMINAL = frozenset(
    {
        OrderStatus.FILLED,
        OrderStatus.CANCELLED,
        OrderStatus.EXPIRED,
        OrderStatus.REJECTED,
        OrderStatus.REMOVED,
        OrderStatus.PARTIALLY_REMOVED,
    },
)
"""States that no order leaves."""
AT_MARKET = frozenset(
    {OrderStatus.LIVE, OrderStatus.CANCEL_REQUESTED, OrderStatus.REPLACE_REQUESTED},
)
"""States in which an order can fill."""

UNROUTED = frozenset(
    {
        OrderStatus.RECEIVED,
        OrderStatus.ROUTED,
        OrderStatus.IN_FLIGHT,
        OrderStatus.CANCEL_REQUESTED,
        OrderStatus.REPLACE_REQUESTED,
    },
)
"""States that the broker leaves at once."""
STARTING_TAGS = frozenset({"OTO::trigger-order", "OTOCO::trigger-order", "OCO::order"})
"""Tags of the members of a complex order that work from the start."""
EXCLUSIVE_TAGS = frozenset({"OCO::order", "OTOCO::order"})
"""Tags of the members of which one at most fills."""


class OrderType(StrEnum):
    """The broker's order types."""

    LIMIT = "Limit"
    MARKET = "Market"
    MARKETABLE_LIMIT = "Marketable Limit"
    STOP = "Stop"
    STOP_LIMIT = "Stop Limit"
    NOTIONAL_MARKET = "Notional Market"


class TimeInForce(StrEnum):
    """How long an order works."""

    DAY = "Day"
    GTC = "GTC"
    GTD = "GTD"
    IOC = "IOC"
    EXT = "Ext"
    EXT_OVERNIGHT = "Ext Overnight"
    GTC_EXT = "GTC Ext"
    GTC_EXT_OVERNIGHT = "GTC Ext Overnight"


class ComplexType(StrEnum):
    """Orders that depend on each other."""

    OCO = "OCO"
    OTO = "OTO"
    OTOCO = "OTOCO"


class Behavior(StrEnum):
    """How an order fills, as the paper API's order fields ask for it."""

    NEVER = "never"
    REJECT = "reject"
    PARTIAL = "partial"
    DELAYED = "delayed"
    SCHEDULED = "scheduled"


@dataclass(frozen=True, slots=True)
class Account:
    """One simulated account."""

    number: str
    nickname: str
    opened_at: datetime
    margin_or_cash: str = "Margin"

    @property
    def is_cash(self) -> bool:
        """Whether everything must be paid in full."""
        return self.margin_or_cash == "Cash"


@dataclass(frozen=True, slots=True)
class Lot:
    """An open quantity (signed) at the price per share it was opened for."""

    quantity: Quantity
    price: Decimal


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution of a leg; ``price`` is per share, unsigned."""

    id: str
    quantity: Quantity
    price: Decimal
    filled_at: datetime
    tick: int


@dataclass(frozen=True, slots=True)
class OrderLeg:
    """One line of an order and what was filled of it."""

    symbol: str
    instrument: InstrumentType
    action: Action
    quantity: Quantity
    fills: tuple[Fill, ...] = ()

    @property
    def filled(self) -> Quantity:
        """How many contracts or shares are filled."""
        return sum((fill.quantity for fill in self.fills), 0)

    @property
    def remaining(self) -> Quantity:
        """How many are not."""
        return self.quantity - self.filled


@dataclass(frozen=True, slots=True)
class Order:
    """One order. ``price`` is signed (credit +, debit −) per share of one reduced unit.

    ``stop_trigger`` is a price per share, unsigned; ``value`` the signed dollars
    of a notional order; ``not_before`` the first instant at which a fill that a
    client scheduled may happen.
    """

    id: int
    account: str
    underlying: str
    underlying_instrument: InstrumentType
    type: OrderType
    time_in_force: TimeInForce
    status: OrderStatus
    legs: tuple[OrderLeg, ...]
    received_at: datetime
    received_tick: int
    updated_at: datetime
    price: Decimal | None = None
    stop_trigger: Decimal | None = None
    value: Decimal | None = None
    gtc_date: date | None = None
    external_identifier: str | None = None
    source: str | None = None
    strict: bool = False
    behavior: Behavior | None = None
    not_before: datetime | None = None
    in_flight_at: datetime | None = None
    live_at: datetime | None = None
    live_tick: int | None = None
    triggered_at: datetime | None = None
    cancelled_at: datetime | None = None
    terminal_at: datetime | None = None
    reject_reason: str | None = None
    replaces: int | None = None
    replaced_by: int | None = None
    complex_id: int | None = None
    complex_tag: str | None = None
    contingent_status: str | None = None

    @property
    def per_share(self) -> int:
        """Dollars that one dollar of price moves per reduced unit: 100 as soon as a leg is an option."""
        return max(multiplier(leg.instrument) for leg in self.legs)

    def lots(self, leg: OrderLeg, quantity: Quantity | None = None) -> int:
        """A leg's quantity (or ``quantity`` of it) as ratios count it: beside options, shares in hundreds."""
        whole = int(leg.quantity if quantity is None else quantity)
        return whole * multiplier(leg.instrument) // self.per_share

    @property
    def units(self) -> int:
        """How many reduced units the order has: the GCD of its legs' lots; a notional order is one."""
        return reduce(gcd, (self.lots(leg) for leg in self.legs), 0) or 1

    @property
    def units_left(self) -> int:
        """How many whole reduced units are not filled."""
        return min(
            int(leg.remaining * self.units // leg.quantity) if leg.quantity else 1 for leg in self.legs
        )

    @property
    def working(self) -> bool:
        """Whether the order can still fill."""
        return self.status not in TERMINAL

    @property
    def opens(self) -> bool:
        """Whether any leg opens a position."""
        return any(leg.action.opens for leg in self.legs)

    @property
    def reserves(self) -> bool:
        """Whether buying power is set aside for it: it works, opens, and waits for no other order."""
        return self.working and self.opens and self.status is not OrderStatus.CONTINGENT

    @property
    def cancellable(self) -> bool:
        """Whether a client may cancel or replace it now: nothing is asked of it, and it awaits no original."""
        if self.status is OrderStatus.CONTINGENT:
            return self.contingent_status is not None
        return self.working and self.status not in {
            OrderStatus.CANCEL_REQUESTED,
            OrderStatus.REPLACE_REQUESTED,
        }

    @property
    def to_route(self) -> bool:
        """Whether the broker has something to carry out for it that waits for nothing else."""
        if self.status is OrderStatus.CONTINGENT:
            return self.complex_tag in STARTING_TAGS
        return self.status in UNROUTED

    @property
    def filled_any(self) -> bool:
        """Whether anything of it is filled."""
        return any(leg.fills for leg in self.legs)


@dataclass(frozen=True, slots=True)
class ComplexOrder:
    """Orders that depend on each other: a trigger (OTO, OTOCO) and the orders it sets free, by id.

    ``former`` are orders that took part and were replaced.
    """

    id: int
    account: str
    type: ComplexType
    trigger: int | None
    orders: tuple[int, ...]
    received_at: datetime
    updated_at: datetime
    terminal_at: datetime | None = None
    former: tuple[int, ...] = ()

    @property
    def members(self) -> tuple[int, ...]:
        """Every order that takes part now, the trigger first."""
        return self.orders if self.trigger is None else (self.trigger, *self.orders)


@dataclass(frozen=True, slots=True)
class Entry:
    """One ledger entry, the only thing that moves cash or positions. Amounts are signed dollars.

    An entry with an ``action`` moves ``action.sign * quantity`` of its symbol at the
    price its ``value`` says. One with a ``basis`` leaves exactly those lots and
    realises nothing: splits and changes of symbols keep what was paid.
    """

    id: int
    account: str
    type: str
    sub_type: str
    description: str
    executed_at: datetime
    day: date
    value: Decimal
    commission: Decimal = Decimal(0)
    clearing_fees: Decimal = Decimal(0)
    regulatory_fees: Decimal = Decimal(0)
    symbol: str | None = None
    instrument: InstrumentType | None = None
    underlying: str | None = None
    action: Action | None = None
    quantity: Quantity = 0
    price: Decimal | None = None
    order_id: int | None = None
    fill_id: str | None = None
    leg_count: int = 0
    proprietary_fees: Decimal = Decimal(0)
    basis: tuple[Lot, ...] | None = None

    @property
    def fees(self) -> Decimal:
        """All costs, unsigned."""
        return self.commission + self.clearing_fees + self.regulatory_fees + self.proprietary_fees

    @property
    def net_value(self) -> Decimal:
        """What the entry does to cash."""
        return self.value - self.fees


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An account's balances by the broker's names, at the beginning (BOD) or end (EOD) of a session."""

    account: str
    day: date
    time_of_day: str
    taken_at: datetime
    balances: dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class Sample:
    """An account's net liquidation at an instant, in dollars; ``pending`` is cash that is yet to come."""

    account: str
    instant: datetime
    net_liquidation: Decimal
    pending: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Claim:
    """A dividend due to (or, for a short, owed by) who held the shares when they went ex; ``amount`` per share."""

    account: str
    symbol: str
    ex_date: date
    pay_date: date
    shares: Quantity
    amount: Decimal
    paid: bool = False

    @property
    def value(self) -> Decimal:
        """What it does to cash."""
        return self.shares * self.amount


def multiplier(instrument: InstrumentType) -> int:
    """Shares per unit of an instrument."""
    return SHARES_PER_CONTRACT if instrument is InstrumentType.EQUITY_OPTION else 1
