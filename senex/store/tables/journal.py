"""What happened: raw messages, and the audit for ever; partitioned by month."""
# no `from __future__ import annotations`: SQLModel reads the annotations at class creation

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, Sequence
from sqlmodel import Field, SQLModel

from senex.store.tables.columns import TIME, one_of


class BrokerMessage(SQLModel, table=True):
    """A raw message from or to the broker, kept for two years; partitioned by month."""

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


_serial = Sequence("audit_serial", metadata=SQLModel.metadata)


class Audit(SQLModel, table=True):
    """Who did what, when and why; append-only, partitioned by month. ``serial`` orders rows for their seals."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("audit_by_serial", "account_id", "serial"),
        {"postgresql_partition_by": "RANGE (at)"},
    )
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
    serial: int | None = Field(
        default=None, sa_column=Column(BigInteger, nullable=False, server_default=_serial.next_value())
    )


class AuditSeal(SQLModel, table=True):
    """A link of a hash chain over the audit rows of one account (``domain.seal``); append-only."""

    __tablename__ = "audit_seal"
    chain: UUID = Field(primary_key=True)
    ordinal: int = Field(primary_key=True)
    first_serial: int = Field(sa_type=BigInteger)
    last_serial: int = Field(sa_type=BigInteger)
    rows: int
    previous: str
    digest: str
    sealed_at: datetime = Field(sa_type=TIME)
