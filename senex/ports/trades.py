"""What is suggested, ordered, held, and on its way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime, timedelta
    from decimal import Decimal
    from uuid import UUID

    from senex.domain.closing import SpreadExit
    from senex.domain.decisions import Answer, Decision
    from senex.domain.differences import Known
    from senex.domain.legs import Leg
    from senex.domain.lots import Booked, Lot, NewTerms
    from senex.domain.orders import Attempt, AttemptStatus, Order, OrderStatus
    from senex.domain.positions import Position, PositionStatus
    from senex.domain.suggestions import ExitPlan, Suggestion, SuggestionStatus
    from senex.domain.trading_state import TradingState
    from senex.ports.broker import BrokerFill, BrokerOrder
    from senex.ports.records import StoredFill


class Suggestions(Protocol):
    """Suggestions and the decisions on them."""

    async def add(self, suggestion: Suggestion) -> None: ...

    async def get(self, suggestion_id: UUID, *, lock: bool = False) -> Suggestion: ...

    async def set_status(self, suggestion_id: UUID, status: SuggestionStatus, *, now: datetime) -> None: ...

    async def reopen(self, suggestion: Suggestion) -> None:
        """Store a new version of a pending suggestion, so that it can be decided anew."""
        ...

    async def expire(self, now: datetime) -> tuple[UUID, ...]:
        """Expire what is pending past its end."""
        ...

    async def decide(self, decision: Decision) -> None:
        """Put down a decision of the daemon's own; the work on it comes with it."""
        ...

    async def decision(self, decision_id: UUID) -> tuple[Decision, Answer | None]: ...

    async def later_states(self, decision: Decision, now: datetime) -> tuple[TradingState, ...]:
        """The states decided for the account after ``decision``, up to ``now``."""
        ...

    async def answer(self, decision_id: UUID, answer: Answer, now: datetime) -> None: ...


class Orders(Protocol):
    """Orders, attempts and fills."""

    async def namespace(self) -> UUID:
        """This deployment's namespace for external identifiers."""
        ...

    async def add(self, order: Order, now: datetime) -> None: ...

    async def get(self, order_id: UUID, *, lock: bool = False) -> Order: ...

    async def find(self, account_id: UUID, theirs: BrokerOrder) -> UUID | None:
        """Ours by the broker's id, by its name, or by what it stands in for: a broker may keep the name of that."""
        ...

    async def by_external_identifier(self, identifier: str) -> UUID | None:
        """The order one of whose attempts carries this name."""
        ...

    async def shrink(self, order_id: UUID, quantities: Mapping[str, int]) -> None:
        """Make each line's quantity by symbol what the broker took of it."""
        ...

    async def of_position(self, position_id: UUID) -> tuple[Order, ...]: ...

    async def open(self, account_id: UUID) -> tuple[Order, ...]:
        """Orders that are not terminal."""
        ...

    async def known(self, account_id: UUID, broker_order_ids: Collection[str]) -> tuple[Known, ...]:
        """Orders that may still work and those of these broker ids, each with the names of its attempts."""
        ...

    async def met(
        self, account_id: UUID, broker_order_ids: Collection[str]
    ) -> tuple[tuple[Known, ...], Mapping[str, bool], UUID]:
        """What a listing is read against: ``known``; strangers met before, with whether they had ended; namespace."""
        ...

    async def meet(
        self, account_id: UUID, orders: Collection[BrokerOrder], now: datetime
    ) -> Mapping[str, bool]:
        """Remember orders that are nobody's here: whether each is new, for those that are or that have ended since."""
        ...

    async def set_status(
        self,
        order_id: UUID,
        status: OrderStatus,
        *,
        now: datetime,
        broker_order_id: str | None = None,
        broker_status: str | None = None,
        reject_reason: str | None = None,
    ) -> None: ...

    async def set_fill_price(
        self, order_id: UUID, price: Decimal, *, natural: Decimal | None, opposite: Decimal | None
    ) -> None: ...

    async def request_cancel(self, order_id: UUID, now: datetime, *, actor: str) -> None:
        """Say who wants it cancelled: an operator's name, or ``daemon`` to make room for another order."""
        ...

    async def add_attempt(self, attempt: Attempt, now: datetime) -> None: ...

    async def attempt(self, attempt_id: UUID, *, lock: bool = False) -> Attempt: ...

    async def attempts(self, order_id: UUID) -> tuple[Attempt, ...]: ...

    async def start_sending(self, attempt_id: UUID, *, epoch: int, now: datetime) -> bool:
        """PREPARED → SENDING, once: false when another already did."""
        ...

    async def sending_since(self, attempt_id: UUID) -> timedelta:
        """How long (machine time) the attempt has been SENDING."""
        ...

    async def settle(
        self,
        attempt_id: UUID,
        status: AttemptStatus,
        *,
        now: datetime,
        code: str | None = None,
        message: str | None = None,
        broker_order_id: str | None = None,
    ) -> None: ...

    async def doubtful(self, account_id: UUID, *, older_than: timedelta) -> tuple[Attempt, ...]:
        """Attempts that are UNKNOWN and were sent longer ago than that (machine time)."""
        ...

    async def count_absent(self, attempt_id: UUID) -> int:
        """Count a reading that did not show the attempt; how many there are by now."""
        ...

    async def add_fill(
        self, account_id: UUID, order_id: UUID, symbol: str, fill: BrokerFill, *, source: str
    ) -> StoredFill | None:
        """Book a fill and count it on its line; None when it was already booked."""
        ...

    async def fills(self, order_id: UUID) -> tuple[StoredFill, ...]: ...


class Positions(Protocol):
    """Positions and their lots."""

    async def add(self, position: Position) -> None: ...

    async def get(self, position_id: UUID, *, lock: bool = False) -> Position: ...

    async def open(self, account_id: UUID) -> tuple[Position, ...]:
        """Positions that are pending entry or open."""
        ...

    async def set_status(
        self, position_id: UUID, status: PositionStatus, *, now: datetime, closure_reason: str | None = None
    ) -> None: ...

    async def set_credits(self, position_id: UUID, credits_: Mapping[str, Decimal]) -> None:
        """What the opening fills made of it: each spread's credit."""
        ...

    async def allow_stop_orders(self, position_id: UUID, *, allowed: bool) -> None:
        """Whether its stop may send a closing order."""
        ...

    async def set_initial_risk(self, position_id: UUID, risk: Decimal | None) -> None:
        """R, once the entry has ended; None where it is not known."""
        ...

    async def lots(self, position_id: UUID) -> tuple[Lot, ...]:
        """Lots of the position, opened first first, with what is left of each."""
        ...

    async def holding(self, account_id: UUID, symbol: str) -> tuple[UUID, ...]:
        """Positions with an open lot of the symbol, in the order in which they are locked."""
        ...

    async def add_leg(self, position_id: UUID, spread_key: str, leg: Leg) -> None:
        """Add a leg to the plan of a position opened elsewhere; one that is there stays as it is."""
        ...

    async def convert_plan(self, position_id: UUID, symbol: str, terms: NewTerms) -> None:
        """Say the plan in the terms that a corporate action gave a contract."""
        ...

    async def adopt(self, position_id: UUID, plan: ExitPlan, target_share: Decimal | None) -> None:
        """Give it an exit plan and automation the right to act on it."""
        ...

    async def booked(self, account_id: UUID) -> Mapping[str, tuple[str, int]]:
        """Underlying and Σ open lots, signed, of every symbol with something open."""
        ...

    async def realised(self, position_id: UUID) -> Decimal:
        """What its closed contracts gained, dollars before fees."""
        ...

    async def book(self, account_id: UUID, booked: Booked, now: datetime) -> None:
        """Store lots as they are after some fills, and what those closed."""
        ...


class Exits(Protocol):
    """Wishes to be out of a spread."""

    async def add(self, wish: SpreadExit) -> None: ...

    async def save(self, wish: SpreadExit) -> None:
        """Store how far it has come."""
        ...

    async def of_position(self, position_id: UUID) -> tuple[SpreadExit, ...]:
        """Every exit of the position there ever was, oldest first."""
        ...

    async def active(self, account_id: UUID) -> tuple[SpreadExit, ...]:
        """What an account wants to be out of now."""
        ...

    async def were_read(self, account_id: UUID) -> None:
        """Positions and orders have been read again: what waited for that goes on."""
        ...
