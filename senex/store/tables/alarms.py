"""What wants a person: alarms, and underlyings on which nothing new is opened."""
# no `from __future__ import annotations`: SQLModel reads the annotations at class creation

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from senex.domain.alarms import Severity
from senex.store.tables.columns import TIME, one_of


class Alarm(SQLModel, table=True):
    """Something an operator should know. One that is raised again while it is open stays one."""

    __tablename__ = "alarm"
    __table_args__ = (
        one_of("severity", Severity),
        Index(
            "one_open_alarm",
            "account_id",
            "code",
            "object_type",
            "object_id",
            unique=True,
            postgresql_where=text("resolved_at IS NULL"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    id: UUID = Field(primary_key=True)
    account_id: UUID | None = Field(default=None, foreign_key="account.id")
    code: str
    severity: str
    object_type: str
    object_id: str
    text: str
    raised_at: datetime = Field(sa_type=TIME)
    seen_at: datetime | None = Field(default=None, sa_type=TIME)
    seen_by: str | None = None
    resolved_at: datetime | None = Field(default=None, sa_type=TIME)


class Difference(SQLModel, table=True):
    """Where books and broker differed when they were last compared (``domain.differences``)."""

    __tablename__ = "difference"
    account_id: UUID = Field(primary_key=True, foreign_key="account.id")
    category: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    underlying: str
    ours: str
    theirs: str
    fix: str
    found_at: datetime = Field(sa_type=TIME)


class UnderlyingHalt(SQLModel, table=True):
    """An underlying of an account on which nothing new is opened until somebody has looked."""

    __tablename__ = "underlying_halt"
    account_id: UUID = Field(primary_key=True, foreign_key="account.id")
    underlying: str = Field(primary_key=True)
    reason: str
    halted_at: datetime = Field(sa_type=TIME)
