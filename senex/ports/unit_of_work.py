"""One transaction over the store, and what services read and write through it.

``async with uow() as tx:`` rolls back unless ``await tx.commit()`` was reached.
Every repository may raise ``Unavailable`` (``E_POSTGRES_AWAY``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import date, datetime, timedelta
    from decimal import Decimal
    from types import TracebackType
    from uuid import UUID

    from senex.domain.alarms import Alarm
    from senex.domain.automation import AutomatedEntry, Automation
    from senex.domain.backups import BackupState
    from senex.domain.calendar import Calendar
    from senex.domain.caps import DayStart
    from senex.domain.chain import Candle
    from senex.domain.closing import SpreadExit
    from senex.domain.decisions import Answer, Decision
    from senex.domain.deployment import Deployment
    from senex.domain.differences import Difference, Known
    from senex.domain.legs import Leg
    from senex.domain.lots import Booked, Lot, NewTerms
    from senex.domain.notices import Mode, Notice
    from senex.domain.orders import Attempt, AttemptStatus, Order, OrderStatus
    from senex.domain.positions import Position, PositionStatus
    from senex.domain.seal import AuditRow, Seal
    from senex.domain.suggestions import ExitPlan, Suggestion, SuggestionStatus
    from senex.domain.summary import Summary
    from senex.domain.trading_state import Fence, TradingState
    from senex.domain.watch import Source
    from senex.ports.broker import AccountFacts, Balances, BrokerFill, BrokerOrder, Holding, RawMessage
    from senex.ports.cases import Cases
    from senex.ports.history import History
    from senex.ports.ledger import Ledger
    from senex.ports.records import (
        Account,
        DayFacts,
        Instrument,
        OperatorRecord,
        QueuedNotice,
        RaisedAlarm,
        StoredFill,
        Work,
    )
    from senex.ports.retention import Retention


class Accounts(Protocol):
    """Accounts, their fences and balances."""

    async def save(self, environment: str, facts: AccountFacts, now: datetime) -> Account:
        """Insert or update by broker number; a new account starts ACTIVE and not ready."""
        ...

    async def close_others(self, environment: str, numbers: Collection[str], now: datetime) -> None:
        """Close the accounts of ``environment`` that the broker no longer lists."""
        ...

    async def get(self, account_id: UUID) -> Account: ...

    async def all(self, environment: str) -> tuple[Account, ...]: ...

    async def fence(self, account_id: UUID) -> Fence: ...

    async def day(self, account_id: UUID, now: datetime) -> DayStart:
        """What the loss of the New York day is reckoned from."""
        ...

    async def set_state(
        self, account_id: UUID, state: TradingState, *, reason: str, by: str, now: datetime
    ) -> None:
        """Set the state and raise its epoch."""
        ...

    async def unready(self, account_id: UUID, *, reason: str, now: datetime) -> int:
        """Clear readiness and raise its epoch, which is returned."""
        ...

    async def ready(self, account_id: UUID, *, epoch: int, now: datetime) -> bool:
        """Set readiness if the epoch is still the one given."""
        ...

    async def add_snapshot(self, account_id: UUID, balances: Balances, now: datetime) -> None: ...

    async def holdings(self, account_id: UUID) -> Mapping[str, tuple[str, int]]:
        """Underlying and signed quantity of every symbol the broker held when it was last read."""
        ...

    async def save_holdings(self, account_id: UUID, holdings: Sequence[Holding], now: datetime) -> None:
        """Replace what the broker holds by what it just said."""
        ...

    async def source(self, source: str, subject: str, *, ok: bool, detail: str, now: datetime) -> None:
        """Say when a source last proved fresh or broken."""
        ...

    async def sources(self, account_id: UUID) -> tuple[Source, ...]:
        """What every source of the account, and those of all, last said."""
        ...

    async def operator(self, name: str) -> OperatorRecord | None: ...


class MarketFacts(Protocol):
    """Calendar, bars and instruments."""

    async def calendar(self, around: date) -> Calendar:
        """The sessions of the year before and the year after a New York date."""
        ...

    async def candles(self, timeline: str, symbol: str, since: date) -> tuple[Candle, ...]: ...

    async def save_candles(self, timeline: str, symbol: str, candles: Sequence[Candle]) -> None: ...

    async def save_instruments(self, instruments: Sequence[Instrument]) -> None: ...

    async def meet_instruments(self, instruments: Sequence[Instrument]) -> None:
        """Store those that are not known yet."""
        ...

    async def instruments(self, symbols: Collection[str]) -> Mapping[str, Instrument]: ...


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

    async def by_broker_id(self, account_id: UUID, broker_order_id: str) -> UUID | None: ...

    async def by_external_identifier(self, identifier: str) -> UUID | None:
        """The order one of whose attempts carries this name."""
        ...

    async def replacing(
        self, account_id: UUID, broker_order_id: str, limit_price: Decimal | None
    ) -> UUID | None:
        """The order of ours that may be on its way to replace this one of the broker's, at that limit."""
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

    async def strangers(self, account_id: UUID, broker_order_ids: Collection[str]) -> Mapping[str, bool]:
        """Which of the broker's orders are remembered to be nobody's here, and whether they were over by then."""
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


class Alarms(Protocol):
    """What wants a person, and underlyings on which nothing new is opened."""

    async def sound(self, alarm: Alarm, now: datetime) -> bool:
        """Raise an alarm; false when it was open already."""
        ...

    async def resolve(self, code: str, object_id: str, *, account_id: UUID | None, now: datetime) -> bool:
        """What it was about is mended; whether there was one."""
        ...

    async def resolve_others(
        self, code: str, objects: Collection[str], *, account_id: UUID, now: datetime
    ) -> None:
        """Of an account's alarms of one code only those about ``objects`` still hold."""
        ...

    async def seen(self, alarm_id: UUID, *, by: str, now: datetime) -> bool:
        """Somebody has looked; false when that was so already."""
        ...

    async def save_differences(
        self, account_id: UUID, differences: Sequence[Difference], now: datetime
    ) -> None:
        """Replace what the last comparison with the broker found."""
        ...

    async def differing(self, account_id: UUID) -> frozenset[str]:
        """The subjects of what the last comparison found."""
        ...

    async def halt_underlying(self, account_id: UUID, underlying: str, *, reason: str, now: datetime) -> None:
        """Open nothing new on it until it is resumed; the first reason stays."""
        ...

    async def resume_underlying(self, account_id: UUID, underlying: str) -> bool:
        """Lift the halt; false when there was none."""
        ...

    async def halted_underlyings(self, account_id: UUID) -> Mapping[str, str]:
        """The halted underlyings and why."""
        ...


class Automations(Protocol):
    """The policies operators have recorded, and what they have done each day."""

    async def get(self, account_id: UUID) -> Automation | None:
        """None where nobody has recorded one, which automates nothing."""
        ...

    async def set(self, account_id: UUID, automation: Automation, *, by: str, now: datetime) -> None: ...

    async def entry(self, account_id: UUID, day: date) -> AutomatedEntry | None:
        """The newest automated entry of a New York day."""
        ...

    async def claim(
        self, account_id: UUID, day: date, decision_id: UUID, *, instead_of: UUID | None, now: datetime
    ) -> bool:
        """Make ``decision_id`` the day's entry; false when it is no longer ``instead_of`` that is."""
        ...

    async def skipped(self, account_id: UUID, day: date, why: str, now: datetime) -> bool:
        """Store why nothing was entered; false when that was said last already."""
        ...


class Summaries(Protocol):
    """What each day came to."""

    async def facts(self, account_id: UUID, since: datetime, until: datetime) -> DayFacts:
        """What was gained, paid and traded between two instants, and what is broken now."""
        ...

    async def save(self, account_id: UUID, summary: Summary, now: datetime) -> None:
        """Store it, in place of an earlier one of the same day."""
        ...


class OutboxWriter(Protocol):
    """Durable work; committed with what caused it."""

    async def add(
        self,
        job: str,
        subject: str,
        *,
        queue: str,
        account_id: UUID | None = None,
        dedupe_key: str | None = None,
        delay: timedelta | None = None,
    ) -> None:
        """Add work, unless work with this ``dedupe_key`` is there already."""
        ...

    async def done(self, work: Work) -> None: ...


class Deployments(Protocol):
    """Which senex this is, and what a restore has to settle before it may trade."""

    async def get(self) -> Deployment: ...

    async def renew(self, namespace: UUID, now: datetime, *, settled_at: datetime | None) -> None:
        """Take the namespace of the next generation; the broker is told with the next reconcile.

        ``settled_at`` counts as the time it was told where nobody has to hear of it.
        """
        ...

    async def claimed(self, now: datetime) -> None:
        """The broker has been told."""
        ...

    async def replaced(self, by: UUID) -> bool:
        """Another deployment has taken this one's place; false when that was known."""
        ...

    async def unsettled(self) -> tuple[Attempt, ...]:
        """Attempts that may have left after the moment restored to, or were leaving then."""
        ...

    async def doubt(self, attempt_id: UUID, now: datetime, *, why: str) -> None:
        """Whether the attempt was sent is not known; counted as sent now, for the resolver."""
        ...

    async def undecided(self) -> tuple[UUID, ...]:
        """Decisions nobody has answered."""
        ...

    async def accounts(self) -> tuple[Account, ...]:
        """All of them, of every environment."""
        ...

    async def latest(self) -> datetime | None:
        """Market time of the newest line of the journal."""
        ...

    async def backups(self) -> Mapping[str, BackupState]:
        """How backups go, by kind; nothing where nobody keeps any. Ages are machine time."""
        ...


class Inbox(Protocol):
    """What operators were told, and what channels are still owed."""

    async def add(self, notice_id: UUID, notice: Notice, *, day: date, now: datetime) -> UUID | None:
        """Store a notice; its id, or None when that event on that object was told on that New York day already.

        One that has become critical since is told again, as the same notice.
        """
        ...

    async def alarm(self, alarm_id: UUID) -> RaisedAlarm: ...

    async def unattended(self, account_id: UUID) -> tuple[tuple[RaisedAlarm, int], ...]:
        """Open alarms of the account, or of none, that nobody has acknowledged, and how often each was said again."""
        ...

    async def modes(self) -> Mapping[str, Mode]:
        """What each operator wants to be sent."""
        ...

    async def set_mode(self, operator: str, mode: Mode, now: datetime) -> None: ...

    async def queue(self, notice_id: UUID, *, operator: str, channel: str) -> None:
        """Owe a channel a notice, also one it had before."""
        ...

    async def queued(self, channel: str) -> tuple[QueuedNotice, ...]:
        """What a channel is owed, oldest first; locked until the transaction ends, without what others lock."""
        ...

    async def sent_lately(self, channel: str) -> int:
        """How many messages the channel was sent within a minute (machine time)."""
        ...

    async def sent(self, channel: str, notices: Sequence[UUID]) -> None:
        """One message held these."""
        ...

    async def not_sent(self, channel: str, notices: Sequence[UUID], *, problem: str, most: int) -> bool:
        """Count a failed attempt; whether any of them is to be tried again, which ends after ``most``."""
        ...

    async def seen(self, subject_id: UUID, *, by: str, now: datetime) -> tuple[UUID, ...] | None:
        """Somebody has seen a notice, or those of an alarm: the alarms they are about; None when nothing was new."""
        ...


class Jobs(Protocol):
    """The schedule and its work, as an operator steers them."""

    async def queue_of(self, job: str) -> str | None:
        """The queue of a scheduled job, paused or not; None when there is no such job."""
        ...

    async def names(self) -> tuple[str, ...]:
        """Every scheduled job."""
        ...

    async def enable(self, job: str, *, enabled: bool) -> bool:
        """Pause or resume a scheduled job; false when it was so already."""
        ...

    async def failing(self, account_id: UUID) -> Mapping[str, str]:
        """Jobs of the account, or of none, that have failed for minutes, and why."""
        ...

    async def retry(self, outbox_id: int) -> str | None:
        """Let failing work be offered at once; its job, None when there is no failing work of that number."""
        ...


class Journal(Protocol):
    """The audit trail and raw broker messages; append-only."""

    async def note(
        self,
        action: str,
        *,
        actor: str,
        object_type: str,
        object_id: str,
        now: datetime,
        account_id: UUID | None = None,
        before: str | None = None,
        after: str | None = None,
        why: str = "",
    ) -> None: ...

    async def note_order(
        self,
        action: str,
        order: Order,
        *,
        actor: str,
        now: datetime,
        before: str | None = None,
        after: str | None = None,
        why: str = "",
    ) -> None:
        """Note what became of an order of ours."""
        ...

    async def open_month(self, day: date) -> None:
        """See to it that the month of ``day`` has its partitions."""
        ...

    async def message(self, message_id: UUID) -> tuple[UUID | None, str]:
        """The account and raw text of a broker message."""
        ...

    async def order_messages(
        self, account_id: UUID, number: str, *, since: datetime
    ) -> tuple[RawMessage, ...]:
        """Alerts of an account and answers about its orders, oldest first."""
        ...

    async def newest_seal(self, chain: UUID) -> Seal | None:
        """The newest seal of a chain."""
        ...

    async def settled(self) -> int:
        """The serial up to which every audit row that will ever be is there; waits for writers for a moment.

        Raises:
            Unavailable: ``E_JOURNAL_BUSY`` when they do not get ready.
        """
        ...

    async def rows_after(self, chain: UUID, serial: int, *, until: int, limit: int) -> tuple[AuditRow, ...]:
        """A chain's rows above a serial, oldest first, at most ``limit``."""
        ...

    async def add_seal(self, seal: Seal, now: datetime) -> bool:
        """Store a seal; false when another process stored that ordinal first."""
        ...


class UnitOfWork(Protocol):
    """One transaction."""

    @property
    def deployment(self) -> Deployments: ...

    @property
    def accounts(self) -> Accounts: ...

    @property
    def market(self) -> MarketFacts: ...

    @property
    def suggestions(self) -> Suggestions: ...

    @property
    def orders(self) -> Orders: ...

    @property
    def positions(self) -> Positions: ...

    @property
    def exits(self) -> Exits: ...

    @property
    def ledger(self) -> Ledger: ...

    @property
    def alarms(self) -> Alarms: ...

    @property
    def automations(self) -> Automations: ...

    @property
    def summaries(self) -> Summaries: ...

    @property
    def history(self) -> History: ...

    @property
    def outbox(self) -> OutboxWriter: ...

    @property
    def inbox(self) -> Inbox: ...

    @property
    def jobs(self) -> Jobs: ...

    @property
    def journal(self) -> Journal: ...

    @property
    def retention(self) -> Retention: ...

    @property
    def cases(self) -> Cases: ...

    def at_once(self) -> AbstractAsyncContextManager[None]:
        """Send the writes of the block in one round trip, a commit among them; nothing can be read within it.

        What one of them is refused for is raised at the block's end, and none of it has happened.
        """
        ...

    async def commit(self) -> None: ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class UnitOfWorkFactory(Protocol):
    """Begins transactions, and holds the locks that outlive one."""

    def __call__(self) -> UnitOfWork: ...

    def reading(self) -> UnitOfWork:
        """For reads only: each stands for itself, and no transaction is begun for them."""
        ...

    def account_lock(self, account_id: UUID) -> AccountLock:
        """A session-level lock: only one process at a time sends for an account."""
        ...


class AccountLock(Protocol):
    """Held for the time of a block."""

    async def __aenter__(self) -> None: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
