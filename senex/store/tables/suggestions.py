"""What is proposed, what is decided, what is answered."""
# no `from __future__ import annotations`: SQLModel reads the annotations at class creation

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from senex.domain.decisions import DecisionKind
from senex.domain.legs import Action
from senex.domain.suggestions import SuggestionStatus
from senex.store.tables.columns import MONEY, PRICE, SHARE, TIME, Origins, one_of


class Suggestion(SQLModel, table=True):
    """A proposal for one account; ``domain.suggestions`` says what each figure means."""

    __tablename__ = "suggestion"
    __table_args__ = (
        one_of("status", SuggestionStatus),
        one_of("origin", Origins.ALL),
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
        one_of("action", Action),
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
        one_of("kind", DecisionKind),
        one_of("role", ("trader", "viewer", "policy")),
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
    subject_id: UUID | None = None
    spread_key: str | None = None
    price: Decimal | None = Field(default=None, sa_column=Column(PRICE))
    options: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(Text), nullable=False, server_default="{}")
    )


class DecisionResult(SQLModel, table=True):
    """The daemon's answer to a decision."""

    __tablename__ = "decision_result"
    __table_args__ = (one_of("outcome", ("done", "refused", "failed")),)
    decision_id: UUID = Field(primary_key=True, foreign_key="decision.id")
    outcome: str
    code: str
    message: str
    reasons: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(Text), nullable=False, server_default="{}")
    )
    suggestion_id: UUID | None = None  # an answer outlives a suggestion nobody decided about
    order_id: UUID | None = Field(default=None, foreign_key="trade_order.id")
    at: datetime = Field(sa_type=TIME)
