"""What is to be done and who does it: outbox, schedule, heartbeats, freshness."""
# no `from __future__ import annotations`: SQLModel reads the annotations at class creation

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Identity,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from senex.store.tables.columns import TIME, one_of


class Outbox(SQLModel, table=True):
    """Work to do, durable. Undone rows whose lease lapsed are offered again; all times machine time."""

    __tablename__ = "outbox"
    __table_args__ = (
        one_of("queue", ("trading", "accounts", "default", "streamer")),
        Index("outbox_undone", "id", postgresql_where=text("done_at IS NULL")),
        Index("outbox_by_job", "job", "id"),
        UniqueConstraint("dedupe_key"),
    )
    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    account_id: UUID | None = Field(default=None, foreign_key="account.id")
    queue: str
    job: str
    subject: str
    dedupe_key: str | None = None
    created_at: datetime = Field(
        sa_column=Column(TIME, nullable=False, server_default=text("clock_timestamp()"))
    )
    lease_until: datetime | None = Field(default=None, sa_type=TIME)
    offers: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    done_at: datetime | None = Field(default=None, sa_type=TIME)
    error: str | None = None


class Heartbeat(SQLModel, table=True):
    """A process that says it lives; machine time."""

    __tablename__ = "heartbeat"
    name: str = Field(primary_key=True)
    instance: str = Field(primary_key=True)
    host: str
    pid: int
    detail: str = ""
    started_at: datetime = Field(sa_type=TIME)
    beat_at: datetime = Field(sa_type=TIME)
    cpu_seconds: float | None = None
    resident_bytes: int | None = Field(default=None, sa_type=BigInteger)


class SourceStatus(SQLModel, table=True):
    """When a source last proved fresh. ``subject`` is an account id, or empty for all; ``figures`` by their name."""

    __tablename__ = "source_status"
    source: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    ok: bool
    detail: str
    at: datetime = Field(sa_type=TIME)
    figures: dict[str, float] = Field(sa_column=Column(JSONB, nullable=False, server_default=text("'{}'")))


class JobSchedule(SQLModel, table=True):
    """The desired schedule: what runs when, in New York time. ``rule`` is ``domain.schedule``'s notation."""

    __tablename__ = "job_schedule"
    name: str = Field(primary_key=True)
    rule: str
    queue: str
    enabled: bool = True
    grace_seconds: int


class JobSlot(SQLModel, table=True):
    """One slot of one job: it runs once."""

    __tablename__ = "job_slot"
    timeline: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    slot: datetime = Field(primary_key=True, sa_type=TIME)
    outbox_id: int = Field(sa_column=Column(BigInteger, ForeignKey("outbox.id"), nullable=False, index=True))


class BackupState(SQLModel, table=True):
    """How the newest work of a kind of backup went; machine time."""

    __tablename__ = "backup_state"
    __table_args__ = (one_of("kind", ("base", "wal", "dump", "verify")),)
    kind: str = Field(primary_key=True)
    done_at: datetime | None = Field(default=None, sa_type=TIME)
    tried_at: datetime = Field(sa_type=TIME)
    ok: bool
    detail: str
