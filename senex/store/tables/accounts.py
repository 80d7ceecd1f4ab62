"""Who trades: deployment, operators, accounts, what each may do and has."""
# no `from __future__ import annotations`: SQLModel reads the annotations at class creation

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Identity,
    Index,
    LargeBinary,
    UniqueConstraint,
    func,
    text,
)
from sqlmodel import Field, SQLModel

from senex.store.tables.columns import MONEY, PRICE, TIME, one_of


class Deployment(SQLModel, table=True):
    """This senex: one row. Its namespace makes external identifiers."""

    __tablename__ = "deployment"
    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)
    id: int = Field(default=1, primary_key=True)
    namespace: UUID
    created_at: datetime = Field(sa_column=Column(TIME, nullable=False, server_default=func.now()))
    claims: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    restored_at: datetime | None = Field(default=None, sa_type=TIME)
    claimed_at: datetime | None = Field(default=None, sa_type=TIME)
    replaced_by: UUID | None = None
    timeline: int | None = None


class Operator(SQLModel, table=True):
    """Who may decide. ``verifier`` is scrypt(passphrase, salt); the console cannot read it."""

    __tablename__ = "operator"
    __table_args__ = (one_of("role", ("trader", "viewer")),)
    name: str = Field(primary_key=True)
    role: str
    salt: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    verifier: bytes | None = Field(default=None, sa_column=Column(LargeBinary))


class Account(SQLModel, table=True):
    """A trading account at the broker."""

    __tablename__ = "account"
    __table_args__ = (
        UniqueConstraint("broker", "environment", "number"),
        one_of("environment", ("simulated", "sandbox", "live")),
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
    ledger_from: datetime | None = Field(default=None, sa_type=TIME)
    risk_preset: str = "moderate"
    entry_offset: Decimal = Field(
        default=Decimal(0), sa_column=Column(PRICE, nullable=False, server_default="0")
    )
    created_at: datetime = Field(sa_type=TIME)
    updated_at: datetime = Field(sa_type=TIME)


class BrokerLogin(SQLModel, table=True):
    """The login of an environment; its token is sealed with ``SENEX_ENCRYPTION_KEYS``. No console reads it."""

    __tablename__ = "broker_login"
    __table_args__ = (one_of("environment", ("simulated", "sandbox", "live")),)
    environment: str = Field(primary_key=True)
    client_secret: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    refresh_token: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    updated_at: datetime = Field(sa_column=Column(TIME, nullable=False, server_default=func.now()))


class TradingState(SQLModel, table=True):
    """What may be sent for an account. ``epoch`` grows with every change."""

    __tablename__ = "trading_state"
    __table_args__ = (one_of("state", ("active", "reduce_only", "halted")),)
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
