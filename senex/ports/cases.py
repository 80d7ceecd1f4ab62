"""What belongs together on the way to the broker, read at once: a step waits for the store once, not per fact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from decimal import Decimal
    from uuid import UUID

    from senex.domain.calendar import Calendar
    from senex.domain.caps import DayStart, Pace
    from senex.domain.decisions import Answer, Decision
    from senex.domain.differences import Difference
    from senex.domain.lots import Lot
    from senex.domain.orders import Attempt, Order
    from senex.domain.positions import Position
    from senex.domain.suggestions import Suggestion
    from senex.domain.trading_state import Fence, TradingState
    from senex.ports.broker import Balances
    from senex.ports.records import Account, OperatorRecord, StoredEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionCase:
    """A decision, who made it, and what it is about. ``streamers`` are those of the suggestion's legs by symbol."""

    decision: Decision
    answer: Answer | None
    operator: OperatorRecord | None
    account: Account
    suggestion: Suggestion | None
    order_account_id: UUID | None
    streamers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionCase:
    """An attempt, its order, and what that stands for. ``streamers`` are those of the order's legs by symbol.

    ``replaced`` is the order in whose place this one is to be put, if any.
    """

    attempt: Attempt
    order: Order
    account: Account
    position: Position
    streamers: Mapping[str, str]
    replaced: Order | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountBooks:
    """All an entry is judged by. ``calendar`` covers the days around the moment asked for only.

    ``lots`` and ``realised`` (dollars before fees) are of the open ``positions``, which include those
    pending entry; ``orders`` are not terminal; ``sending`` are those of them with an attempt that is SENDING;
    ``held`` are symbols of the broker's last word; ``namespace`` is this deployment's for external identifiers;
    ``sent`` counts orders of the last minute and of the New York day, ``day`` is what the day's loss is reckoned
    from; ``waiting_states`` an operator has decided and the daemon has not taken yet; ``halted_underlyings`` are those
    on which nothing new is opened, with why.
    """

    account: Account
    fence: Fence
    balances: Balances | None
    calendar: Calendar
    positions: tuple[Position, ...]
    lots: Mapping[UUID, tuple[Lot, ...]]
    realised: Mapping[UUID, Decimal]
    orders: tuple[Order, ...]
    sending: frozenset[UUID]
    held: tuple[str, ...]
    namespace: UUID
    waiting_states: frozenset[TradingState]
    halted_underlyings: Mapping[str, str]
    sent: Pace
    day: DayStart


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBooks:
    """What of the account's books is compared with the broker's; ``AccountBooks`` has the same parts.

    ``booked`` and ``held`` are underlying and signed quantity by symbol, by our lots and by the broker's last word;
    ``pending`` rows of the ledger wait; ``mismatches`` are where it and our fills do not agree.
    """

    namespace: UUID
    booked: Mapping[str, tuple[str, int]]
    held: Mapping[str, tuple[str, int]]
    pending: tuple[StoredEntry, ...]
    mismatches: tuple[Difference, ...]
    positions: tuple[Position, ...]
    lots: Mapping[UUID, tuple[Lot, ...]]
    orders: tuple[Order, ...]
    halted_underlyings: Mapping[str, str]


class LockedOrder(NamedTuple):
    """An order and its position under lock, and its attempts, which are not."""

    order: Order
    position: Position
    attempts: tuple[Attempt, ...]


class Cases(Protocol):
    """Reads of whole cases. Each fact is as committed when it was read, within a moment."""

    async def decision(self, decision_id: UUID) -> DecisionCase: ...

    async def submission(self, attempt_id: UUID) -> SubmissionCase: ...

    async def approval(
        self, suggestion_id: UUID, account_id: UUID, *, now: datetime
    ) -> tuple[Suggestion, AccountBooks]:
        """The suggestion under lock and, read after that, the account's books."""
        ...

    async def books(self, account_id: UUID, *, now: datetime, share: bool = False) -> AccountBooks:
        """The account's books at a moment of market time.

        ``share`` reads the fence first and holds it FOR SHARE until the transaction ends.
        """
        ...

    async def locked(self, order_id: UUID) -> LockedOrder:
        """An order as it is now, under lock. Everybody locks in one order: position, order, attempt."""
        ...

    async def open_books(self, account_id: UUID, *, before: datetime) -> OpenBooks:
        """What the account has open; a fill from ``before`` then that no transaction shows is a mismatch."""
        ...
