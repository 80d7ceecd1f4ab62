"""What was sent and what came back: orders, attempts, fills."""
# no `from __future__ import annotations`: SQLModel reads the annotations at class creation

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from senex.domain.legs import Action
from senex.domain.orders import AttemptStatus, OrderKind, OrderStatus
from senex.store.tables.columns import PRICE, TIME, Origins, one_of


class TradeOrder(SQLModel, table=True):
    """What we want from the broker."""

    __tablename__ = "trade_order"
    __table_args__ = (
        one_of("kind", OrderKind),
        one_of("status", OrderStatus),
        one_of("origin", Origins.ALL),
        UniqueConstraint("account_id", "broker_order_id"),
        Index(
            "one_entry",
            "position_id",
            unique=True,
            postgresql_where=text("kind = 'entry' AND replaces_id IS NULL"),
        ),
        Index(
            "one_replacement",
            "replaces_id",
            unique=True,
            postgresql_where=text("status NOT IN ('cancelled', 'rejected')"),
        ),
        Index(
            "one_target",
            "position_id",
            "spread_key",
            "generation",
            unique=True,
            postgresql_where=text("kind = 'target'"),
        ),
        Index(
            "one_exit_order",
            "exit_id",
            "generation",
            unique=True,
            postgresql_where=text("exit_id IS NOT NULL"),
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
    replaces_id: UUID | None = Field(default=None, foreign_key="trade_order.id")
    exit_id: UUID | None = Field(default=None, foreign_key="spread_exit.id")
    cancel_actor: str | None = None


class OrderLeg(SQLModel, table=True):
    """One line of an order."""

    __tablename__ = "order_leg"
    __table_args__ = (
        UniqueConstraint("order_id", "symbol"),
        one_of("action", Action),
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
        one_of("status", AttemptStatus),
        UniqueConstraint("order_id", "number"),
        UniqueConstraint("external_identifier"),
        UniqueConstraint("account_id", "broker_order_id"),
        Index(
            "one_live_attempt",
            "order_id",
            unique=True,
            postgresql_where=text("status IN ('prepared', 'sending', 'accepted', 'unknown')"),
        ),
        Index("attempt_sent", "account_id", "sending_at"),
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
    broker_order_id: str | None = None
    absent_reads: int = Field(default=0, sa_column_kwargs={"server_default": "0"})


class Fill(SQLModel, table=True):
    """One change of a quantity; applied once, in any order of arrival.

    Either an execution of an order of ours, or a row of the broker's ledger that
    no order of ours explains: an expiration, an assignment, somebody else's trade. Of such a row each position
    it changes has one fill, named after it.
    """

    __tablename__ = "fill"
    __table_args__ = (
        UniqueConstraint("order_id", "symbol", "fill_id"),
        UniqueConstraint("ledger_id", "fill_id"),
        CheckConstraint("(order_id IS NULL) <> (ledger_id IS NULL)", name="one_cause"),
        CheckConstraint("quantity > 0", name="quantity_positive"),
    )
    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    account_id: UUID = Field(foreign_key="account.id")
    order_id: UUID | None = Field(default=None, foreign_key="trade_order.id")
    symbol: str = Field(foreign_key="instrument.symbol")
    fill_id: str
    quantity: int
    price: Decimal = Field(sa_column=Column(PRICE, nullable=False))
    filled_at: datetime = Field(sa_type=TIME)
    source: str
    ledger_id: int | None = Field(default=None, sa_column=Column(BigInteger, ForeignKey("ledger_entry.id")))


class StrangerOrder(SQLModel, table=True):
    """An order at the broker that belongs to no attempt: somebody else's, or a second one of a decision of ours."""

    __tablename__ = "stranger_order"
    account_id: UUID = Field(primary_key=True, foreign_key="account.id")
    broker_order_id: str = Field(primary_key=True)
    external_identifier: str | None = None
    underlying: str
    ended: bool
    met_at: datetime = Field(sa_type=TIME)
