"""What each day came to, per account."""
# no `from __future__ import annotations`: SQLModel reads the annotations at class creation

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Column, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from senex.store.tables.columns import MONEY, TIME


def _lines() -> Column[list[str]]:
    return Column(ARRAY(Text), nullable=False)


class TradingSummary(SQLModel, table=True):
    """``domain.summary.Summary`` as made after the close; what was not known is null, and ``text`` says why."""

    __tablename__ = "trading_summary"
    account_id: UUID = Field(primary_key=True, foreign_key="account.id")
    day: date = Field(primary_key=True)
    realised: Decimal = Field(sa_column=Column(MONEY, nullable=False))
    fees: Decimal | None = Field(default=None, sa_column=Column(MONEY))
    net_liquidation: Decimal | None = Field(default=None, sa_column=Column(MONEY))
    open_risk: Decimal | None = Field(default=None, sa_column=Column(MONEY))
    budget: Decimal | None = Field(default=None, sa_column=Column(MONEY))
    traded: list[str] = Field(sa_column=_lines())
    next_exits: list[str] = Field(sa_column=_lines())
    expirations: list[str] = Field(sa_column=_lines())
    failures: list[str] = Field(sa_column=_lines())
    text: str
    at: datetime = Field(sa_type=TIME)
