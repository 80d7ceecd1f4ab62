"""The broker, in our words. Prices are signed (+ credit), quantities unsigned unless said.

Every call may raise ``Unavailable`` (``E_BROKER_AWAY``, ``E_BROKER_BUSY``) or ``UsageProblem``
(``E_BROKER_TOKEN``, ``E_BROKER_REQUEST``). ``submit`` and ``replace`` alone raise nothing: their outcome is a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from senex.domain.orders import status_from_broker

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime, timedelta
    from decimal import Decimal
    from uuid import UUID

    from senex.domain.chain import Activity, Candle, Metrics, OptionChain
    from senex.domain.exits import Dividend
    from senex.domain.ledger import LedgerEntry
    from senex.domain.legs import Action, InstrumentType, Leg
    from senex.domain.orders import BrokerStatus, OrderStatus, TimeInForce


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What the broker says an account is and may do."""

    number: str
    nickname: str
    margin_or_cash: str
    option_level: str
    closed: bool
    closing_only: bool


@dataclass(frozen=True, slots=True)
class Balances:
    """Balances in dollars."""

    net_liquidation: Decimal
    cash: Decimal
    option_buying_power: Decimal
    maintenance: Decimal


@dataclass(frozen=True, slots=True)
class Holding:
    """A position at the broker; ``quantity`` is signed, prices per share, ``mark`` None when not given."""

    symbol: str
    instrument: InstrumentType
    underlying: str
    quantity: Decimal
    multiplier: int
    average_open_price: Decimal
    mark: Decimal | None


@dataclass(frozen=True, slots=True)
class BrokerFill:
    """One execution of one leg; ``price`` is unsigned."""

    fill_id: str
    quantity: int
    price: Decimal
    filled_at: datetime


@dataclass(frozen=True, slots=True)
class BrokerLeg:
    """A leg of an order at the broker with its fills."""

    symbol: str
    action: Action
    quantity: int
    fills: tuple[BrokerFill, ...]


@dataclass(frozen=True, slots=True)
class BrokerOrder:
    """An order as the broker reports it, whole."""

    id: str
    account_number: str
    underlying: str
    status: BrokerStatus
    external_identifier: str | None
    legs: tuple[BrokerLeg, ...]
    price: Decimal | None
    reject_reason: str | None
    updated_at: datetime
    replaces: str | None = None
    """The broker's id of the order it stands in for."""
    replaced_by: str | None = None
    """The broker's id of the order that stands in for it."""

    @property
    def filled(self) -> int:
        """Contracts filled over all legs."""
        return sum(fill.quantity for leg in self.legs for fill in leg.fills)

    @property
    def means(self) -> OrderStatus:
        """Its status in our words."""
        return status_from_broker(self.status, filled=self.filled, replaced=self.replaced_by is not None)


@dataclass(frozen=True, slots=True)
class RawMessage:
    """A message of the broker's as it came: an alert, or the answer to a call. Market time."""

    at: datetime
    source: str
    path: str
    body: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """An order to send. ``limit_price`` is signed and per reduced unit."""

    account_number: str
    legs: tuple[Leg, ...]
    limit_price: Decimal
    time_in_force: TimeInForce
    external_identifier: str
    strict_position_effect: bool


@dataclass(frozen=True, slots=True)
class DryRun:
    """What the broker says an order would do, in dollars; positive fees cost."""

    buying_power_change: Decimal
    new_buying_power: Decimal
    margin_requirement: Decimal
    fees: Decimal | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The broker took the order."""

    order: BrokerOrder


@dataclass(frozen=True, slots=True)
class RefusedByBroker:
    """The broker definitely did not take it. ``retriable`` after a token or rate problem only."""

    code: str
    message: str
    retriable: bool


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Whether the broker took it is not known."""

    why: str


Submission = Accepted | RefusedByBroker | Ambiguous


class Broker(Protocol):
    """REST and history; streams are ``daemon.streamer``'s."""

    async def clock_offset(self) -> timedelta:
        """How far this machine's clock is ahead of the broker's (behind: negative), at least."""
        ...

    async def accounts(self) -> tuple[AccountFacts, ...]:
        """Every account of the login, with its trading status."""
        ...

    async def balances(self, number: str) -> Balances:
        """Current balances."""
        ...

    async def holdings(self, number: str) -> tuple[Holding, ...]:
        """Open positions with marks."""
        ...

    async def live_orders(self, number: str) -> tuple[BrokerOrder, ...]:
        """Everything created or updated today, any status."""
        ...

    async def order_history(self, number: str, since: date) -> tuple[BrokerOrder, ...]:
        """All pages of orders since ``since`` (New York date)."""
        ...

    async def transactions(self, number: str, since: date) -> tuple[LedgerEntry, ...]:
        """All pages and types of the ledger since ``since`` (New York date), oldest first."""
        ...

    async def order(self, number: str, order_id: str) -> BrokerOrder:
        """One order."""
        ...

    async def dry_run(self, ticket: Ticket) -> DryRun:
        """What the order would do; sends nothing.

        Raises:
            Refused: ``E_BROKER_PREFLIGHT`` with the broker's reasons.
        """
        ...

    async def prepare(self) -> None:
        """Renew the session's token if it is near its end, so that ``submit`` is one POST."""
        ...

    async def submit(self, ticket: Ticket, *, first_byte_by: float | None = None) -> Submission:
        """POST once, under no retry, total deadline 10 s.

        ``first_byte_by`` is a ``time.monotonic()`` reading: when the request has not
        begun by then it is not sent at all (``E_TOO_LATE``).
        """
        ...

    async def replace(
        self, order_id: str, ticket: Ticket, *, first_byte_by: float | None = None
    ) -> Submission:
        """PUT the ticket's price in the place of the broker's order ``order_id``, once, as ``submit`` does.

        The wire carries no legs: the new order has what is left of the old one's. A fill of the
        old one that comes first ends the new one.
        """
        ...

    async def cancel(self, number: str, order_id: str) -> None:
        """Ask for a cancel. That it was asked says nothing about whether a fill came first."""
        ...

    async def chain(self, underlying: str) -> OptionChain:
        """The nested chain.

        Raises:
            UsageProblem: ``E_SYMBOL_UNKNOWN`` when the broker does not list the underlying.
        """
        ...

    async def metrics(self, underlying: str) -> Metrics:
        """Market metrics."""
        ...

    async def dividend(self, underlying: str) -> Dividend | None:
        """The dividend announced last; None where there is none."""
        ...

    async def activity(self, symbols: Sequence[str]) -> dict[str, Activity]:
        """What is open and has traded today of each OCC symbol."""
        ...

    async def stops_trading_at(self, symbols: Sequence[str]) -> dict[str, datetime]:
        """When each OCC symbol stops trading."""
        ...

    async def daily_candles(self, underlying: str, since: date) -> tuple[Candle, ...]:
        """Daily bars of closed sessions, ascending."""
        ...

    async def mark(self, name: str) -> UUID | None:
        """The deployment the login's mark of that name says; None where there is none.

        Raises:
            Refused, UsageProblem: where the broker keeps no marks for this login.
        """
        ...

    async def set_mark(self, name: str, deployment: UUID) -> None:
        """Have the mark say this deployment. It is safe to do twice."""
        ...

    def read_orders(self, message: RawMessage, *, seen: dict[str, BrokerOrder]) -> tuple[BrokerOrder, ...]:
        """Every order in a raw message; ``seen`` keeps what was read before, so that the same text is read once.

        Raises:
            UsageProblem: ``E_BROKER_ANSWER`` when there is one that does not parse.
        """
        ...

    def read_alert(self, text: str) -> BrokerOrder | None:
        """The order in a raw account alert; None for alerts of other kinds.

        Raises:
            UsageProblem: ``E_BROKER_ANSWER`` when it is an order but does not parse.
        """
        ...
