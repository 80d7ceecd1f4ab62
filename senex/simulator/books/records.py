"""What the books keep: accounts, orders and ledger entries, all frozen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime  # noqa: TC003  read at run time by the journal's codec
from decimal import Decimal
from enum import StrEnum
from functools import reduce
from math import gcd

from senex.domain.legs import Action, InstrumentType

SHARES_PER_CONTRACT = 100


class OrderStatus(StrEnum):
    """The broker's words for an order's state."""

    RECEIVED = "Received"
    ROUTED = "Routed"
    LIVE = "Live"
    CANCEL_REQUESTED = "Cancel Requested"
    FILLED = "Filled"
    CANCELLED = "Cancelled"
    EXPIRED = "Expired"
    REJECTED = "Rejected"


TERMINAL = frozenset(
    {OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED},
)


class OrderType(StrEnum):
    """Order types that the matching engine knows."""

    LIMIT = "Limit"
    MARKET = "Market"


class TimeInForce(StrEnum):
    """How long an order works."""

    DAY = "Day"
    GTC = "GTC"
    GTD = "GTD"
    IOC = "IOC"


@dataclass(frozen=True, slots=True)
class Account:
    """One simulated account."""

    number: str
    nickname: str
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution of a leg; ``price`` is per share, unsigned."""

    id: str
    quantity: int
    price: Decimal
    filled_at: datetime
    tick: int


@dataclass(frozen=True, slots=True)
class OrderLeg:
    """One line of an order and what was filled of it."""

    symbol: str
    instrument: InstrumentType
    action: Action
    quantity: int
    fills: tuple[Fill, ...] = ()

    @property
    def filled(self) -> int:
        """How many contracts or shares are filled."""
        return sum(fill.quantity for fill in self.fills)

    @property
    def remaining(self) -> int:
        """How many are not."""
        return self.quantity - self.filled


@dataclass(frozen=True, slots=True)
class Order:
    """One order. ``price`` is signed (credit +, debit −) per share of one reduced unit."""

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
    gtc_date: date | None = None
    external_identifier: str | None = None
    source: str | None = None
    strict: bool = False
    live_at: datetime | None = None
    cancelled_at: datetime | None = None
    terminal_at: datetime | None = None
    reject_reason: str | None = None
    replaces: int | None = None
    replaced_by: int | None = None

    @property
    def units(self) -> int:
        """How many reduced units the order has: the GCD of its leg quantities."""
        return reduce(gcd, (leg.quantity for leg in self.legs), 0)

    @property
    def units_left(self) -> int:
        """How many reduced units are not filled."""
        return min(leg.remaining * self.units // leg.quantity for leg in self.legs)

    @property
    def working(self) -> bool:
        """Whether the order can still fill."""
        return self.status not in TERMINAL

    @property
    def opens(self) -> bool:
        """Whether any leg opens a position."""
        return any(leg.action.opens for leg in self.legs)


@dataclass(frozen=True, slots=True)
class Entry:
    """One ledger entry, the only thing that moves cash or positions. Amounts are signed dollars."""

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
    quantity: int = 0
    price: Decimal | None = None
    order_id: int | None = None
    fill_id: str | None = None
    leg_count: int = 0

    @property
    def fees(self) -> Decimal:
        """All costs, unsigned."""
        return self.commission + self.clearing_fees + self.regulatory_fees

    @property
    def net_value(self) -> Decimal:
        """What the entry does to cash."""
        return self.value - self.fees


def multiplier(instrument: InstrumentType) -> int:
    """Shares per unit of an instrument."""
    return SHARES_PER_CONTRACT if instrument is InstrumentType.EQUITY_OPTION else 1
