"""What operators let senex decide by itself, and what it has done each day."""
# no `from __future__ import annotations`: SQLModel reads the annotations at class creation

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

from senex.store.tables.columns import MONEY, SHARE, TIME


class Automation(SQLModel, table=True):
    """The policy of an account (``domain.automation``); without a row nothing is automated."""

    __tablename__ = "automation"
    account_id: UUID = Field(primary_key=True, foreign_key="account.id")
    enabled: bool
    underlying: str
    strategy: str
    repeat_until_filled: bool
    max_loss: Decimal | None = Field(default=None, sa_column=Column(MONEY))
    min_score: Decimal | None = Field(default=None, sa_column=Column(SHARE))
    set_by: str
    set_at: datetime = Field(sa_type=TIME)


class AutomationDay(SQLModel, table=True):
    """The one automated entry of a New York day: its newest decision, and why there was none when last asked."""

    __tablename__ = "automation_day"
    account_id: UUID = Field(primary_key=True, foreign_key="account.id")
    day: date = Field(primary_key=True)
    decision_id: UUID | None = Field(default=None, foreign_key="decision.id")
    skipped: str | None = None
    at: datetime = Field(sa_type=TIME)
