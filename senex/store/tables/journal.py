"""What happened, for ever: raw messages and audit, partitioned by month."""
# no `from __future__ import annotations`: SQLModel reads the annotations at class creation

from datetime import datetime
from uuid import UUID

from sqlmodel import Field, SQLModel

from senex.store.tables.columns import TIME, one_of


class BrokerMessage(SQLModel, table=True):
    """A raw message from or to the broker, kept for ever; partitioned by month."""

    __tablename__ = "broker_message"
    __table_args__ = (
        one_of("source", ("rest", "alert")),
        {"postgresql_partition_by": "RANGE (at)"},
    )
    id: UUID = Field(primary_key=True)
    at: datetime = Field(primary_key=True, sa_type=TIME)
    account_id: UUID | None = Field(default=None, foreign_key="account.id")
    source: str
    method: str
    path: str
    status: int | None = None
    external_identifier: str | None = None
    body: str
    problem: str | None = None


class Audit(SQLModel, table=True):
    """Who did what, when and why; append-only, partitioned by month."""

    __tablename__ = "audit"
    __table_args__ = ({"postgresql_partition_by": "RANGE (at)"},)
    id: UUID = Field(primary_key=True)
    at: datetime = Field(primary_key=True, sa_type=TIME)
    account_id: UUID | None = Field(default=None, foreign_key="account.id")
    actor: str
    action: str
    object_type: str
    object_id: str
    before: str | None = None
    after: str | None = None
    why: str = ""
