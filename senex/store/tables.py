"""The tables. Row classes never leave ``senex.store``.

Market times (``*_at`` unless said otherwise) come from ``Clock``; machine
times (leases, heartbeats) come from Postgres itself. Prices are signed and
per share; money is dollars. Uniqueness lives here, not in check-then-insert.
"""
# no `from __future__ import annotations`: SQLModel reads the annotations at class creation

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    Numeric,
    Text,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Dialect
from sqlmodel import Field, SQLModel

from senex.domain.legs import Action, InstrumentType
from senex.domain.money import plain
from senex.domain.orders import AttemptStatus, OrderKind, OrderStatus
from senex.domain.suggestions import SuggestionStatus


class _Plain(TypeDecorator[Decimal]):
    """A decimal without the column's trailing zeros, so that 9.4 does not become 9.4000000000."""

    impl = Numeric
    cache_ok = True

    def process_result_value(self, value: Decimal | None, dialect: Dialect) -> Decimal | None:  # noqa: ARG002
        return None if value is None else plain(value)


PRICE = _Plain(20, 10)
MONEY = _Plain(18, 4)
SHARE = _Plain(7, 4)
TIME = DateTime(timezone=True)


def _one_of(column: str, values: object) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)  # type: ignore[attr-defined]  # an enum or a tuple
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


class Origins:
    """Where a row came from."""

    ALL = ("strategy", "manual", "adopted", "roll")


class Deployment(SQLModel, table=True):
    """This senex: one row. Its namespace makes external identifiers."""

    __tablename__ = "deployment"
    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)
    id: int = Field(default=1, primary_key=True)
    namespace: UUID
    created_at: datetime = Field(sa_column=Column(TIME, nullable=False, server_default=func.now()))


class Operator(SQLModel, table=True):
    """Who may decide. ``verifier`` is scrypt(passphrase, salt); the console cannot read it."""

    __tablename__ = "operator"
    __table_args__ = (_one_of("role", ("trader", "viewer")),)
    name: str = Field(primary_key=True)
    role: str
    salt: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    verifier: bytes | None = Field(default=None, sa_column=Column(LargeBinary))


class Account(SQLModel, table=True):
    """A trading account at the broker."""

    __tablename__ = "account"
    __table_args__ = (
        UniqueConstraint("broker", "environment", "number"),
        _one_of("environment", ("simulated", "sandbox", "live")),
    )
    id: UUID = Field(primary_key=True)
    broker: str
    environment: str
    number: str
    nickname: str
    margin_or_cash: str
    option_level: str
    closed: bool = False
    closing_only: bool = False
    risk_preset: str = "moderate"
    entry_offset: Decimal = Field(
        default=Decimal(0), sa_column=Column(PRICE, nullable=False, server_default="0")
    )
    created_at: datetime = Field(sa_type=TIME)
    updated_at: datetime = Field(sa_type=TIME)


class BrokerLogin(SQLModel, table=True):
    """The login of an environment; its token is sealed with ``SENEX_ENCRYPTION_KEYS``. No console reads it."""

    __tablename__ = "broker_login"
    __table_args__ = (_one_of("environment", ("simulated", "sandbox", "live")),)
    environment: str = Field(primary_key=True)
    refresh_token: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    updated_at: datetime = Field(sa_column=Column(TIME, nullable=False, server_default=func.now()))


class TradingState(SQLModel, table=True):
    """What may be sent for an account. ``epoch`` grows with every change."""

    __tablename__ = "trading_state"
    __table_args__ = (_one_of("state", ("active", "reduce_only", "halted")),)
    account_id: UUID = Field(primary_key=True, foreign_key="account.id")
    state: str
    epoch: int = Field(sa_column=Column(BigInteger, nullable=False))
    reason: str
    set_by: str
    set_at: datetime = Field(sa_type=TIME)


class Readiness(SQLModel, table=True):
    """Whether a reconcile of this epoch has succeeded; nothing new is sent before."""

    __tablename__ = "readiness"
    account_id: UUID = Field(primary_key=True, foreign_key="account.id")
    ready: bool
    epoch: int = Field(sa_column=Column(BigInteger, nullable=False))
    reason: str
    changed_at: datetime = Field(sa_type=TIME)
    reconciled_at: datetime | None = Field(default=None, sa_type=TIME)


class AccountSnapshot(SQLModel, table=True):
    """Balances as the broker reported them; append-only."""

    __tablename__ = "account_snapshot"
    __table_args__ = (Index("account_snapshot_newest", "account_id", text("at DESC")),)
    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    account_id: UUID = Field(foreign_key="account.id")
    at: datetime = Field(sa_type=TIME)
    source: str
    net_liquidation: Decimal = Field(sa_column=Column(MONEY, nullable=False))
    cash: Decimal = Field(sa_column=Column(MONEY, nullable=False))
    option_buying_power: Decimal = Field(sa_column=Column(MONEY, nullable=False))
    maintenance: Decimal = Field(sa_column=Column(MONEY, nullable=False))


class HistoricalPrice(SQLModel, table=True):
    """Daily bars of regular sessions."""

    __tablename__ = "historical_price"
    timeline: str = Field(primary_key=True)
    symbol: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    open: Decimal = Field(sa_column=Column(PRICE, nullable=False))
    high: Decimal = Field(sa_column=Column(PRICE, nullable=False))
    low: Decimal = Field(sa_column=Column(PRICE, nullable=False))
    close: Decimal = Field(sa_column=Column(PRICE, nullable=False))
    volume: Decimal = Field(sa_column=Column(PRICE, nullable=False))


class MarketSession(SQLModel, table=True):
    """The exchange calendar: one row per regular session."""

    __tablename__ = "market_session"
    day: date = Field(primary_key=True)
    opens_at: datetime = Field(sa_type=TIME)
    closes_at: datetime = Field(sa_type=TIME)


class Instrument(SQLModel, table=True):
    """A contract senex has met, with the broker's own streamer symbol."""

    __tablename__ = "instrument"
    __table_args__ = (_one_of("instrument_type", InstrumentType),)
    symbol: str = Field(primary_key=True)
    instrument_type: str
    streamer_symbol: str
    underlying: str
    multiplier: int
    stops_trading_at: datetime | None = Field(default=None, sa_type=TIME)


class Suggestion(SQLModel, table=True):
    """A proposal for one account; ``domain.suggestions`` says what each figure means."""

    __tablename__ = "suggestion"
    __table_args__ = (
        _one_of("status", SuggestionStatus),
        _one_of("origin", Origins.ALL),
        CheckConstraint("band_low < band_high", name="band_open"),
        Index("suggestion_by_account", "account_id", "status"),
    )
    id: UUID = Field(primary_key=True)
    account_id: UUID = Field(foreign_key="account.id")
    origin: str
    version: int
    status: str
    strategy: str
    underlying: str
    expiry: date
    units: int
    natural: Decimal = Field(sa_column=Column(PRICE, nullable=False))
    mid: Decimal = Field(sa_column=Column(PRICE, nullable=False))
    opposite: Decimal = Field(sa_column=Column(PRICE, nullable=False))
    oldest_at: datetime = Field(sa_type=TIME)
    limit_price: Decimal = Field(sa_column=Column(PRICE, nullable=False))
    band_low: Decimal = Field(sa_column=Column(PRICE, nullable=False))
    band_high: Decimal = Field(sa_column=Column(PRICE, nullable=False))
    tick: Decimal = Field(sa_column=Column(PRICE, nullable=False))
    max_loss: Decimal = Field(sa_column=Column(MONEY, nullable=False))
    max_profit: Decimal = Field(sa_column=Column(MONEY, nullable=False))
    score: Decimal = Field(sa_column=Column(SHARE, nullable=False))
    time_exit_dte: int
    stop_alert_share: Decimal = Field(sa_column=Column(SHARE, nullable=False))
    stop_order_share: Decimal = Field(sa_column=Column(SHARE, nullable=False))
    digest: str
    created_at: datetime = Field(sa_type=TIME)
    priced_at: datetime = Field(sa_type=TIME)
    expires_at: datetime = Field(sa_type=TIME)
    tags: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(Text), nullable=False, server_default="{}")
    )
    note: str | None = None


class SuggestionSpread(SQLModel, table=True):
    """One spread of a suggestion."""

    __tablename__ = "suggestion_spread"
    suggestion_id: UUID = Field(primary_key=True, foreign_key="suggestion.id")
    key: str = Field(primary_key=True)
    ordinal: int
    width: Decimal = Field(sa_column=Column(PRICE, nullable=False))
    target_share: Decimal | None = Field(default=None, sa_column=Column(SHARE))


class SuggestionLeg(SQLModel, table=True):
    """One opening leg of one unit of a spread."""

    __tablename__ = "suggestion_leg"
    __table_args__ = (
        ForeignKeyConstraint(
            ["suggestion_id", "spread_key"], ["suggestion_spread.suggestion_id", "suggestion_spread.key"]
        ),
        _one_of("action", Action),
        CheckConstraint("quantity > 0", name="quantity_positive"),
    )
    suggestion_id: UUID = Field(primary_key=True)
    spread_key: str = Field(primary_key=True)
    ordinal: int = Field(primary_key=True)
    symbol: str = Field(foreign_key="instrument.symbol")
    action: str
    quantity: int


class SuggestionBreakeven(SQLModel, table=True):
    """One breakeven price of the underlying at expiry."""

    __tablename__ = "suggestion_breakeven"
    suggestion_id: UUID = Field(primary_key=True, foreign_key="suggestion.id")
    ordinal: int = Field(primary_key=True)
    price: Decimal = Field(sa_column=Column(PRICE, nullable=False))


class SuggestionReason(SQLModel, table=True):
    """One line of the explanation."""

    __tablename__ = "suggestion_reason"
    suggestion_id: UUID = Field(primary_key=True, foreign_key="suggestion.id")
    ordinal: int = Field(primary_key=True)
    text: str
    points: Decimal | None = Field(default=None, sa_column=Column(SHARE))


class Decision(SQLModel, table=True):
    """What an operator asks for. Consoles insert these rows and nothing else; nobody updates them."""

    __tablename__ = "decision"
    __table_args__ = (
        _one_of("kind", ("suggest", "approve", "reject", "cancel_order", "set_state", "sync")),
        _one_of("role", ("trader", "viewer", "policy")),
        Index(
            "decision_once",
            "suggestion_id",
            "version",
            unique=True,
            postgresql_where=text("kind IN ('approve', 'reject')"),
        ),
        CheckConstraint(
            "kind NOT IN ('approve', 'reject') OR (suggestion_id IS NOT NULL AND version IS NOT NULL)",
            name="names_suggestion",
        ),
        CheckConstraint("kind <> 'approve' OR digest IS NOT NULL", name="binds_digest"),
    )
    id: UUID = Field(primary_key=True)
    account_id: UUID = Field(foreign_key="account.id")
    kind: str
    suggestion_id: UUID | None = Field(default=None, foreign_key="suggestion.id")
    version: int | None = None
    digest: str | None = None
    order_id: UUID | None = Field(default=None, foreign_key="trade_order.id")
    symbol: str | None = None
    strategy: str | None = None
    state: str | None = None
    reason: str | None = None
    operator: str
    terminal: str
    role: str
    proof: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    shown_at: datetime | None = Field(default=None, sa_type=TIME)
    decided_at: datetime = Field(sa_type=TIME)


class DecisionResult(SQLModel, table=True):
    """The daemon's answer to a decision."""

    __tablename__ = "decision_result"
    __table_args__ = (_one_of("outcome", ("done", "refused", "failed")),)
    decision_id: UUID = Field(primary_key=True, foreign_key="decision.id")
    outcome: str
    code: str
    message: str
    reasons: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(Text), nullable=False, server_default="{}")
    )
    suggestion_id: UUID | None = Field(default=None, foreign_key="suggestion.id")
    order_id: UUID | None = Field(default=None, foreign_key="trade_order.id")
    at: datetime = Field(sa_type=TIME)


class Position(SQLModel, table=True):
    """What we hold, or mean to. Quantities derive from lots."""

    __tablename__ = "position"
    __table_args__ = (
        _one_of("status", ("pending_entry", "open_full", "open_partial", "closing", "closed", "expired")),
        _one_of("origin", Origins.ALL),
        UniqueConstraint("suggestion_id"),
        Index("position_by_account", "account_id", "status"),
    )
    id: UUID = Field(primary_key=True)
    account_id: UUID = Field(foreign_key="account.id")
    origin: str
    parent_id: UUID | None = Field(default=None, foreign_key="position.id")
    suggestion_id: UUID | None = Field(default=None, foreign_key="suggestion.id")
    strategy: str
    underlying: str
    expiry: date
    units: int
    status: str
    initial_risk: Decimal | None = Field(default=None, sa_column=Column(MONEY))
    tick: Decimal = Field(sa_column=Column(PRICE, nullable=False))
    time_exit_dte: int
    stop_alert_share: Decimal = Field(sa_column=Column(SHARE, nullable=False))
    stop_order_share: Decimal = Field(sa_column=Column(SHARE, nullable=False))
    closure_reason: str | None = None
    created_at: datetime = Field(sa_type=TIME)
    opened_at: datetime | None = Field(default=None, sa_type=TIME)
    closed_at: datetime | None = Field(default=None, sa_type=TIME)
    tags: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(Text), nullable=False, server_default="{}")
    )
    note: str | None = None


class PositionSpread(SQLModel, table=True):
    """One spread of a position; ``credit`` is its signed opening price per share, from actual fills."""

    __tablename__ = "position_spread"
    position_id: UUID = Field(primary_key=True, foreign_key="position.id")
    key: str = Field(primary_key=True)
    ordinal: int
    width: Decimal = Field(sa_column=Column(PRICE, nullable=False))
    target_share: Decimal | None = Field(default=None, sa_column=Column(SHARE))
    credit: Decimal | None = Field(default=None, sa_column=Column(PRICE))


class PositionLeg(SQLModel, table=True):
    """One opening leg of one unit of a spread, as planned."""

    __tablename__ = "position_leg"
    __table_args__ = (
        ForeignKeyConstraint(
            ["position_id", "spread_key"], ["position_spread.position_id", "position_spread.key"]
        ),
        _one_of("action", Action),
    )
    position_id: UUID = Field(primary_key=True)
    spread_key: str = Field(primary_key=True)
    ordinal: int = Field(primary_key=True)
    symbol: str = Field(foreign_key="instrument.symbol")
    action: str
    quantity: int


class TradeOrder(SQLModel, table=True):
    """What we want from the broker."""

    __tablename__ = "trade_order"
    __table_args__ = (
        _one_of("kind", OrderKind),
        _one_of("status", OrderStatus),
        _one_of("origin", Origins.ALL),
        UniqueConstraint("account_id", "broker_order_id"),
        Index("one_entry", "position_id", unique=True, postgresql_where=text("kind = 'entry'")),
        Index(
            "one_target",
            "position_id",
            "spread_key",
            "generation",
            unique=True,
            postgresql_where=text("kind = 'target'"),
        ),
        Index("order_by_account", "account_id", "status"),
    )
    id: UUID = Field(primary_key=True)
    account_id: UUID = Field(foreign_key="account.id")
    origin: str
    kind: str
    position_id: UUID = Field(foreign_key="position.id")
    decision_id: UUID | None = Field(
        default=None, sa_column=Column(Uuid, ForeignKey("decision.id", use_alter=True))
    )
    spread_key: str | None = None
    generation: int = 0
    underlying: str
    time_in_force: str
    limit_price: Decimal = Field(sa_column=Column(PRICE, nullable=False))
    band_low: Decimal | None = Field(default=None, sa_column=Column(PRICE))
    band_high: Decimal | None = Field(default=None, sa_column=Column(PRICE))
    valid_until: datetime | None = Field(default=None, sa_type=TIME)
    status: str
    broker_order_id: str | None = None
    broker_status: str | None = None
    cancel_requested_at: datetime | None = Field(default=None, sa_type=TIME)
    fill_price: Decimal | None = Field(default=None, sa_column=Column(PRICE))
    natural_at_fill: Decimal | None = Field(default=None, sa_column=Column(PRICE))
    opposite_at_fill: Decimal | None = Field(default=None, sa_column=Column(PRICE))
    reject_reason: str | None = None
    created_at: datetime = Field(sa_type=TIME)
    updated_at: datetime = Field(sa_type=TIME)
    tags: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(Text), nullable=False, server_default="{}")
    )
    note: str | None = None


class OrderLeg(SQLModel, table=True):
    """One line of an order."""

    __tablename__ = "order_leg"
    __table_args__ = (
        UniqueConstraint("order_id", "symbol"),
        _one_of("action", Action),
        CheckConstraint("filled BETWEEN 0 AND quantity", name="filled_within"),
    )
    order_id: UUID = Field(primary_key=True, foreign_key="trade_order.id")
    ordinal: int = Field(primary_key=True)
    symbol: str = Field(foreign_key="instrument.symbol")
    action: str
    quantity: int
    filled: int = 0


class Attempt(SQLModel, table=True):
    """One POST of an order. Durable before a byte leaves."""

    __tablename__ = "attempt"
    __table_args__ = (
        _one_of("status", AttemptStatus),
        UniqueConstraint("order_id", "number"),
        UniqueConstraint("external_identifier"),
        Index(
            "one_live_attempt",
            "order_id",
            unique=True,
            postgresql_where=text("status IN ('prepared', 'sending', 'accepted', 'unknown')"),
        ),
    )
    id: UUID = Field(primary_key=True)
    account_id: UUID = Field(foreign_key="account.id")
    order_id: UUID = Field(foreign_key="trade_order.id")
    number: int
    external_identifier: str
    status: str
    body_hash: str
    epoch: int | None = Field(default=None, sa_column=Column(BigInteger))
    prepared_at: datetime = Field(sa_type=TIME)
    sending_at: datetime | None = Field(default=None, sa_type=TIME)
    sending_machine: datetime | None = Field(default=None, sa_type=TIME)
    settled_at: datetime | None = Field(default=None, sa_type=TIME)
    error_code: str | None = None
    error_message: str | None = None


class Fill(SQLModel, table=True):
    """One execution of one leg; applied once, in any order of arrival."""

    __tablename__ = "fill"
    __table_args__ = (
        UniqueConstraint("order_id", "symbol", "fill_id"),
        CheckConstraint("quantity > 0", name="quantity_positive"),
    )
    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    account_id: UUID = Field(foreign_key="account.id")
    order_id: UUID = Field(foreign_key="trade_order.id")
    symbol: str = Field(foreign_key="instrument.symbol")
    fill_id: str
    quantity: int
    price: Decimal = Field(sa_column=Column(PRICE, nullable=False))
    filled_at: datetime = Field(sa_type=TIME)
    source: str


class Lot(SQLModel, table=True):
    """What one fill opened in one spread; ``quantity`` is signed, ``open_quantity`` what is left of it."""

    __tablename__ = "lot"
    __table_args__ = (
        CheckConstraint("quantity <> 0 AND abs(open_quantity) <= abs(quantity)", name="open_within"),
        CheckConstraint("quantity * open_quantity >= 0", name="same_side"),
        Index("lot_by_position", "position_id"),
    )
    fill_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("fill.id"), primary_key=True, autoincrement=False)
    )
    spread_key: str = Field(primary_key=True)
    account_id: UUID = Field(foreign_key="account.id")
    position_id: UUID = Field(foreign_key="position.id")
    symbol: str = Field(foreign_key="instrument.symbol")
    quantity: int
    open_quantity: int
    multiplier: int
    price: Decimal = Field(sa_column=Column(PRICE, nullable=False))
    opened_at: datetime = Field(sa_type=TIME)


class LotClose(SQLModel, table=True):
    """What one closing fill took from one lot; ``quantity`` is unsigned."""

    __tablename__ = "lot_close"
    __table_args__ = (ForeignKeyConstraint(["lot_fill_id", "spread_key"], ["lot.fill_id", "lot.spread_key"]),)
    lot_fill_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    spread_key: str = Field(primary_key=True)
    fill_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("fill.id"), primary_key=True, autoincrement=False)
    )
    quantity: int
    price: Decimal = Field(sa_column=Column(PRICE, nullable=False))
    closed_at: datetime = Field(sa_type=TIME)


class BrokerPosition(SQLModel, table=True):
    """The broker's own view of a holding, as last read; ``quantity`` is signed."""

    __tablename__ = "broker_position"
    account_id: UUID = Field(primary_key=True, foreign_key="account.id")
    symbol: str = Field(primary_key=True)
    instrument_type: str
    underlying: str
    quantity: Decimal = Field(sa_column=Column(PRICE, nullable=False))
    multiplier: int
    average_open_price: Decimal = Field(sa_column=Column(PRICE, nullable=False))
    mark: Decimal | None = Field(default=None, sa_column=Column(PRICE))
    read_at: datetime = Field(sa_type=TIME)


class Outbox(SQLModel, table=True):
    """Work to do, durable. Undone rows whose lease lapsed are offered again; all times machine time."""

    __tablename__ = "outbox"
    __table_args__ = (
        _one_of("queue", ("trading", "accounts", "default")),
        Index("outbox_undone", "id", postgresql_where=text("done_at IS NULL")),
        UniqueConstraint("dedupe_key"),
    )
    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    account_id: UUID | None = Field(default=None, foreign_key="account.id")
    queue: str
    job: str
    subject: str
    dedupe_key: str | None = None
    created_at: datetime = Field(
        sa_column=Column(TIME, nullable=False, server_default=text("clock_timestamp()"))
    )
    lease_until: datetime | None = Field(default=None, sa_type=TIME)
    offers: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    done_at: datetime | None = Field(default=None, sa_type=TIME)
    error: str | None = None


class Heartbeat(SQLModel, table=True):
    """A process that says it lives; machine time."""

    __tablename__ = "heartbeat"
    name: str = Field(primary_key=True)
    instance: str = Field(primary_key=True)
    host: str
    pid: int
    detail: str = ""
    started_at: datetime = Field(sa_type=TIME)
    beat_at: datetime = Field(sa_type=TIME)


class SourceStatus(SQLModel, table=True):
    """When a source last proved fresh. ``subject`` is an account id, or empty for all."""

    __tablename__ = "source_status"
    source: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    ok: bool
    detail: str
    at: datetime = Field(sa_type=TIME)


class JobSchedule(SQLModel, table=True):
    """The desired schedule: what runs when, in New York time. ``rule`` is ``domain.schedule``'s notation."""

    __tablename__ = "job_schedule"
    name: str = Field(primary_key=True)
    rule: str
    queue: str
    enabled: bool = True
    grace_seconds: int


class JobSlot(SQLModel, table=True):
    """One slot of one job: it runs once."""

    __tablename__ = "job_slot"
    timeline: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    slot: datetime = Field(primary_key=True, sa_type=TIME)
    outbox_id: int = Field(sa_column=Column(BigInteger, ForeignKey("outbox.id"), nullable=False))


class BrokerMessage(SQLModel, table=True):
    """A raw message from or to the broker, kept for ever; partitioned by month."""

    __tablename__ = "broker_message"
    __table_args__ = (
        _one_of("source", ("rest", "alert")),
        {"postgresql_partition_by": "RANGE (at)"},
    )
    id: UUID = Field(primary_key=True)
    at: datetime = Field(primary_key=True, sa_type=TIME)
    account_id: UUID | None = Field(default=None, foreign_key="account.id")
    source: str
    method: str
    path: str
    status: int | None = None
    external_identifier: str | None = None
    body: str
    problem: str | None = None


class Audit(SQLModel, table=True):
    """Who did what, when and why; append-only, partitioned by month."""

    __tablename__ = "audit"
    __table_args__ = ({"postgresql_partition_by": "RANGE (at)"},)
    id: UUID = Field(primary_key=True)
    at: datetime = Field(primary_key=True, sa_type=TIME)
    account_id: UUID | None = Field(default=None, foreign_key="account.id")
    actor: str
    action: str
    object_type: str
    object_id: str
    before: str | None = None
    after: str | None = None
    why: str = ""
