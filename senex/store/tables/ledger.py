"""The broker's own ledger: the ground truth of what happened, kept for ever."""
# no `from __future__ import annotations`: SQLModel reads the annotations at class creation

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, Column, Identity, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from senex.store.tables.columns import MONEY, PRICE, TIME


class LedgerEntry(SQLModel, table=True):
    """One transaction of the broker's. Values are signed dollars (+ received); ``net_value`` includes all costs.

    Costs are unsigned. ``position_id`` is what it was linked to; ``pending`` ones move a quantity and are not in
    the books yet.
    """

    __tablename__ = "ledger_entry"
    __table_args__ = (
        UniqueConstraint("account_id", "broker_id"),
        Index("ledger_by_account", "account_id", "executed_at"),
        Index("ledger_by_position", "position_id"),
        Index("ledger_by_order", "account_id", "broker_order_id"),
        Index("ledger_pending", "account_id", postgresql_where=text("pending")),
    )
    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    account_id: UUID = Field(foreign_key="account.id")
    broker_id: str
    kind: str
    sub_kind: str
    description: str
    executed_at: datetime = Field(sa_type=TIME)
    day: date
    symbol: str | None = None
    underlying: str | None = None
    instrument_type: str | None = None
    action: str | None = None
    quantity: Decimal | None = Field(default=None, sa_column=Column(PRICE))
    price: Decimal | None = Field(default=None, sa_column=Column(PRICE))
    value: Decimal = Field(sa_column=Column(MONEY, nullable=False))
    net_value: Decimal = Field(sa_column=Column(MONEY, nullable=False))
    commission: Decimal = Field(sa_column=Column(MONEY, nullable=False))
    fees: Decimal = Field(sa_column=Column(MONEY, nullable=False))
    broker_order_id: str | None = None
    position_id: UUID | None = Field(default=None, foreign_key="position.id")
    pending: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    read_at: datetime = Field(sa_type=TIME)
