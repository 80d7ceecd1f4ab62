"""Facts of the market: bars, sessions, contracts."""
# no `from __future__ import annotations`: SQLModel reads the annotations at class creation

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    Column,
)
from sqlmodel import Field, SQLModel

from senex.domain.legs import InstrumentType
from senex.store.tables.columns import PRICE, TIME, one_of


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
    __table_args__ = (one_of("instrument_type", InstrumentType),)
    symbol: str = Field(primary_key=True)
    instrument_type: str
    streamer_symbol: str
    underlying: str
    multiplier: int
    stops_trading_at: datetime | None = Field(default=None, sa_type=TIME)
