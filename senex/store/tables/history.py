"""What was measured, kept to look back on."""
# no `from __future__ import annotations`: SQLModel reads the annotations at class creation

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import BigInteger, Column, Identity, UniqueConstraint
from sqlmodel import Field, SQLModel

from senex.store.tables.columns import PRICE, SHARE, TIME


def _share() -> Column[Decimal]:
    return Column(SHARE)


def _figure() -> Column[Decimal]:
    return Column(PRICE, nullable=False)


class MetricsHistory(SQLModel, table=True):
    """The broker's metrics of an underlying on a New York day, percent; null where it gave none."""

    __tablename__ = "metrics_history"
    timeline: str = Field(primary_key=True)
    symbol: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    iv_rank: Decimal | None = Field(default=None, sa_column=_share())
    iv_percentile: Decimal | None = Field(default=None, sa_column=_share())
    iv30: Decimal | None = Field(default=None, sa_column=_share())
    hv30: Decimal | None = Field(default=None, sa_column=_share())


class GreeksHistory(SQLModel, table=True):
    """The feed's Greeks of a contract that was held, at most one row a minute."""

    __tablename__ = "greeks_history"
    __table_args__ = (UniqueConstraint("timeline", "symbol", "at"),)
    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    timeline: str
    symbol: str = Field(foreign_key="instrument.symbol")
    at: datetime = Field(sa_type=TIME)
    price: Decimal = Field(sa_column=_figure())
    volatility: Decimal = Field(sa_column=_figure())
    delta: Decimal = Field(sa_column=_figure())
    gamma: Decimal = Field(sa_column=_figure())
    theta: Decimal = Field(sa_column=_figure())
    vega: Decimal = Field(sa_column=_figure())
