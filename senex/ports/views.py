"""Read models: what consoles show. Built by ``senex.store.queries`` straight from SQL.

Prices are signed and per share unless said; ages and marks are added by the
console from the quote stream, so nothing here needs a price.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from senex.domain.money import ZERO

if TYPE_CHECKING:
    from datetime import date, datetime
    from decimal import Decimal
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class SourceView:
    """Freshness of one source (quotes, alerts, positions, orders, balances, token)."""

    source: str
    ok: bool
    detail: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ProcessView:
    """A daemon process; ``age`` is seconds of machine time since its last heartbeat."""

    name: str
    instance: str
    age: float
    detail: str


@dataclass(frozen=True, slots=True)
class HealthView:
    """One part of senex: whether it lives, and whether it is of use; ``detail`` says why not."""

    name: str
    alive: bool
    ready: bool
    detail: str


@dataclass(frozen=True, slots=True)
class JobHealthView:
    """A scheduled job by its work. Ages are seconds of machine time; ``error`` is of what waits."""

    name: str
    rule: str
    enabled: bool
    done_age: float | None
    waiting: int
    waiting_age: float | None
    error: str | None


@dataclass(frozen=True, slots=True)
class RedisView:
    """How Redis keeps what it is given; ``full`` is the share of its memory that is taken, None without a limit."""

    loading: bool
    append_only: bool
    written: bool
    eviction: str
    full: float | None


@dataclass(frozen=True, slots=True)
class AccountView:
    """One account with all that Home asks for. Money is None before the first snapshot."""

    id: UUID
    number: str
    nickname: str
    environment: str
    margin_or_cash: str
    trading_state: str
    state_reason: str
    ready: bool
    ready_reason: str
    net_liquidation: Decimal | None
    cash: Decimal | None
    option_buying_power: Decimal | None
    maintenance: Decimal | None
    balances_at: datetime | None
    risk_preset: str
    open_risk: Decimal | None
    risk_budget: Decimal | None
    approvals: int
    working_orders: int
    unknown_orders: int
    open_positions: int
    realized_today: Decimal


@dataclass(frozen=True, slots=True)
class LegView:
    """One leg; ``quantity`` signed (+ long)."""

    symbol: str
    streamer: str
    action: str
    quantity: int
    filled: int = 0


@dataclass(frozen=True, slots=True)
class SpreadView:
    """A spread of a suggestion, with its opening legs per unit."""

    key: str
    width: Decimal
    target_share: Decimal | None
    legs: tuple[LegView, ...]


@dataclass(frozen=True, slots=True)
class ReasonView:
    """A line of the explanation."""

    text: str
    points: Decimal | None


@dataclass(frozen=True, slots=True)
class SuggestionView:
    """A suggestion, whole."""

    id: UUID
    account_id: UUID
    account_number: str
    version: int
    status: str
    digest: str
    strategy: str
    underlying: str
    expiry: date
    units: int
    spreads: tuple[SpreadView, ...]
    legs: tuple[LegView, ...]
    natural: Decimal
    mid: Decimal
    opposite: Decimal
    limit_price: Decimal
    band_low: Decimal
    band_high: Decimal
    tick: Decimal
    max_loss: Decimal
    max_profit: Decimal
    breakevens: tuple[Decimal, ...]
    score: Decimal
    reasons: tuple[ReasonView, ...]
    time_exit_dte: int
    stop_alert_share: Decimal
    stop_order_share: Decimal
    created_at: datetime
    priced_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order with its last attempt."""

    id: UUID
    account_id: UUID
    account_number: str
    position_id: UUID
    kind: str
    origin: str
    spread_key: str | None
    underlying: str
    status: str
    limit_price: Decimal
    fill_price: Decimal | None
    natural_at_fill: Decimal | None
    opposite_at_fill: Decimal | None
    time_in_force: str
    broker_order_id: str | None
    broker_status: str | None
    external_identifier: str | None
    attempt_status: str | None
    attempt_message: str | None
    reject_reason: str | None
    legs: tuple[LegView, ...]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class LotView:
    """An open lot; ``quantity`` signed, ``price`` unsigned per share."""

    spread_key: str
    symbol: str
    streamer: str
    quantity: int
    price: Decimal
    multiplier: int


@dataclass(frozen=True, slots=True)
class SpreadExitView:
    """Why a spread is being closed, since when, and what its order waits for or works at (``why``)."""

    cause: str
    terms: str
    limit_price: Decimal | None
    step: int
    why: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PositionSpreadView:
    """A spread of an open position with its target order, and its exit while it is being closed."""

    key: str
    width: Decimal
    credit: Decimal | None
    target_share: Decimal | None
    lots: tuple[LotView, ...]
    target: OrderView | None
    realized: Decimal = ZERO
    realized_net: Decimal | None = None
    exit: SpreadExitView | None = None


@dataclass(frozen=True, slots=True)
class PositionView:
    """A position grouped position → spread → leg.

    ``realized`` is before fees. ``fees`` is all that was paid for it so far, ``realized_net`` what the closed part
    gained after its own share of them and with dividends; None while a
    transaction of the broker's is missing. ``r_multiple`` is the net gain, with that of shares that came of it,
    over the risk at entry. Of what was opened elsewhere ``managed`` is false. ``ladder`` are the sessions
    of its exit ladder, one step each.
    """

    id: UUID
    account_id: UUID
    account_number: str
    strategy: str
    origin: str
    underlying: str
    expiry: date
    units: int
    status: str
    initial_risk: Decimal | None
    realized: Decimal
    opened_at: datetime | None
    time_exit_dte: int
    spreads: tuple[PositionSpreadView, ...]
    parent_id: UUID | None = None
    managed: bool = True
    closure_reason: str | None = None
    closed_at: datetime | None = None
    fees: Decimal | None = None
    realized_net: Decimal | None = None
    r_multiple: Decimal | None = None
    stop_orders: bool = False
    ladder: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class GainView:
    """What one spread of a position gained on one New York day, from fills and the broker's transactions.

    ``gross`` is before fees; ``fees`` are those of closing and the closed part's share of those of opening, None
    while a transaction is missing. ``root_id``, ``strategy``, ``underlying`` and ``initial_risk`` are those of the
    trade it came of: shares of an assignment count with the position that was assigned.
    """

    account_number: str
    position_id: UUID
    root_id: UUID
    strategy: str
    underlying: str
    initial_risk: Decimal | None
    spread_key: str
    day: date
    gross: Decimal
    fees: Decimal | None

    @property
    def net(self) -> Decimal | None:
        """After fees."""
        return None if self.fees is None else self.gross - self.fees


@dataclass(frozen=True, slots=True)
class PnlView:
    """Realised gains of one day, strategy, position or spread, in cents.

    ``net`` and ``fees`` are None while a transaction is missing. ``r_multiple`` is the net over the risk at entry
    of the trades in it, None where one has none.
    """

    key: str
    label: str
    trades: int
    gross: Decimal
    fees: Decimal | None
    net: Decimal | None
    r_multiple: Decimal | None


@dataclass(frozen=True, slots=True)
class BrokerHoldingView:
    """The broker's own figure for a holding, as last read; quantity signed."""

    symbol: str
    quantity: Decimal
    multiplier: int
    average_open_price: Decimal
    mark: Decimal | None
    read_at: datetime


@dataclass(frozen=True, slots=True)
class DecisionResultView:
    """The daemon's answer to a decision: done, refused or failed."""

    decision_id: UUID
    outcome: str
    code: str
    message: str
    reasons: tuple[str, ...]
    suggestion_id: UUID | None
    order_id: UUID | None


@dataclass(frozen=True, slots=True)
class OperatorView:
    """Who decides. ``salt`` is there when a passphrase is set; its verifier no console can read."""

    name: str
    role: str
    salt: bytes | None


@dataclass(frozen=True, slots=True)
class EventView:
    """One line of the audit trail: what somebody did to an object, and why. Market time."""

    at: datetime
    actor: str
    action: str
    before: str | None
    after: str | None
    why: str


@dataclass(frozen=True, slots=True)
class AlarmView:
    """Something that wants a person, open until it is mended. Market time."""

    id: UUID
    account_id: UUID | None
    account_number: str | None
    code: str
    severity: str
    object_type: str
    object_id: str
    text: str
    raised_at: datetime
    seen_at: datetime | None
    seen_by: str | None


@dataclass(frozen=True, slots=True)
class AutomationView:
    """What senex decides by itself for an account, and what came of it today. Money in dollars, times market time.

    ``skipped`` is why nothing was entered when last tried; ``answer`` the daemon's to the policy's own decision.
    """

    account_id: UUID
    account_number: str
    enabled: bool
    underlying: str | None
    strategy: str | None
    repeat_until_filled: bool
    max_loss: Decimal | None
    min_score: Decimal | None
    set_by: str | None
    set_at: datetime | None
    tried_at: datetime | None
    skipped: str | None
    answer: str | None
    order_id: UUID | None
    order_status: str | None


@dataclass(frozen=True, slots=True)
class SummaryView:
    """What a New York day came to for an account, as made after the close. Dollars; ``realised`` is before ``fees``."""

    account_id: UUID
    account_number: str
    day: date
    realised: Decimal
    fees: Decimal | None
    net_liquidation: Decimal | None
    open_risk: Decimal | None
    budget: Decimal | None
    traded: list[str]
    next_exits: list[str]
    expirations: list[str]
    failures: list[str]
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class DifferenceView:
    """Where books and broker differed when they were last compared, and what would mend it."""

    account_number: str
    category: str
    subject: str
    underlying: str
    ours: str
    theirs: str
    fix: str
    found_at: datetime


@dataclass(frozen=True, slots=True)
class JournalView:
    """One line of the journal: what somebody did to which object. ``serial`` orders lines; market time."""

    serial: int
    at: datetime
    account_number: str | None
    actor: str
    action: str
    object_type: str
    object_id: str
    before: str | None
    after: str | None
    why: str


@dataclass(frozen=True, slots=True)
class ChainView:
    """One chain of seals over the journal. ``account_number`` is None for what belongs to no account."""

    account_number: str | None
    seals: int
    sealed: int
    unsealed: int
    digest: str | None
    broken: str | None


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """A scheduled job. Slots are market time, ``ended_at`` is machine time.

    ``next_slot`` is None while the job is paused or ``problem`` says why it is not known; ``last_slot`` is None
    before the first. ``result`` is what became of the last run: waiting, running, failing, done, or never.
    """

    name: str
    rule: str
    queue: str
    enabled: bool
    grace_seconds: int
    next_slot: datetime | None
    problem: str | None
    last_slot: datetime | None
    result: str
    error: str | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class JobView:
    """One piece of work; all times are machine time. ``state`` is waiting, running, failing or done."""

    id: int
    account_number: str | None
    queue: str
    job: str
    subject: str
    state: str
    offers: int
    created_at: datetime
    done_at: datetime | None
    error: str | None


@dataclass(frozen=True, slots=True)
class QueueView:
    """A queue's depth; ``oldest`` is the age in seconds (machine time) of the oldest work that is not done."""

    name: str
    waiting: int
    running: int
    failing: int
    oldest: float | None


@dataclass(frozen=True, slots=True)
class ReplayView:
    """Every change of a status replayed. ``broken`` names the first that leads elsewhere than the tables say."""

    steps: int
    objects: int
    broken: str | None


@dataclass(frozen=True, slots=True)
class NotificationView:
    """One notice of the inbox, in market time. ``runbook`` says what to do where it is about an alarm.

    ``open`` is whether that alarm still stands (null for a notice of no alarm). ``sent``, ``owed`` and ``lost`` count
    the channels that had it, will have it, and were given up; ``problem`` is the newest of theirs.
    """

    id: UUID
    at: datetime
    account_number: str | None
    event: str
    level: str
    object_type: str
    object_id: str
    title: str
    text: str
    open: bool | None
    runbook: str | None
    seen_at: datetime | None
    seen_by: str | None
    sent: int
    owed: int
    lost: int
    problem: str | None


@dataclass(frozen=True, slots=True)
class DecidedView:
    """Who decided about a suggestion, and when (market time)."""

    kind: str
    operator: str
    terminal: str
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Vitals:
    """What Postgres knows of senex's parts at one moment."""

    processes: tuple[ProcessView, ...] = ()
    sources: tuple[SourceView, ...] = ()
    jobs: tuple[JobHealthView, ...] = ()
    alarms: tuple[AlarmView, ...] = ()
