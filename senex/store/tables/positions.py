"""What is held: positions, their spreads and legs, lots."""
# no `from __future__ import annotations`: SQLModel reads the annotations at class creation

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from senex.domain.closing import Cause, ExitStatus, Terms
from senex.domain.legs import Action
from senex.store.tables.columns import MONEY, PRICE, SHARE, TIME, Origins, one_of


class Position(SQLModel, table=True):
    """What we hold, or mean to. Quantities derive from lots."""

    __tablename__ = "position"
    __table_args__ = (
        one_of("status", ("pending_entry", "open_full", "open_partial", "closing", "closed", "expired")),
        one_of("origin", Origins.ALL),
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
    managed: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})
    stop_orders: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})


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
        one_of("action", Action),
    )
    position_id: UUID = Field(primary_key=True)
    spread_key: str = Field(primary_key=True)
    ordinal: int = Field(primary_key=True)
    symbol: str = Field(foreign_key="instrument.symbol")
    action: str
    quantity: int


class SpreadExit(SQLModel, table=True):
    """The wish to be out of a spread; at most one is active for each."""

    __tablename__ = "spread_exit"
    __table_args__ = (
        ForeignKeyConstraint(
            ["position_id", "spread_key"], ["position_spread.position_id", "position_spread.key"]
        ),
        one_of("cause", Cause),
        one_of("terms", Terms),
        one_of("status", ExitStatus),
        Index(
            "one_active_exit",
            "position_id",
            "spread_key",
            unique=True,
            postgresql_where=text("status = 'active'"),
        ),
        Index("exit_by_account", "account_id", "status"),
    )
    id: UUID = Field(primary_key=True)
    account_id: UUID = Field(foreign_key="account.id")
    position_id: UUID = Field(foreign_key="position.id")
    spread_key: str
    cause: str
    terms: str
    limit_price: Decimal | None = Field(default=None, sa_column=Column(PRICE))
    excess: bool = False
    decision_id: UUID | None = Field(
        default=None, sa_column=Column(Uuid, ForeignKey("decision.id", use_alter=True))
    )
    status: str
    session: date | None = None
    step: int = 0
    moves: int = 0
    priced_at: datetime | None = Field(default=None, sa_type=TIME)
    unpriced_since: datetime | None = Field(default=None, sa_type=TIME)
    deaths: int = 0
    unread: bool = False
    why: str = ""
    created_at: datetime = Field(sa_type=TIME)


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
