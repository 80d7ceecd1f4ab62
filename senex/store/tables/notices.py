"""What operators were told, where it is to go, and what they want to be sent."""
# no `from __future__ import annotations`: SQLModel reads the annotations at class creation

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Index, Uuid, text
from sqlmodel import Field, SQLModel

from senex.domain.notices import Level, Mode
from senex.store.tables.columns import TIME, one_of


class Notification(SQLModel, table=True):
    """One notice of the inbox; ``day`` is the New York day on which the event is told of the object once."""

    __tablename__ = "notification"
    __table_args__ = (
        one_of("level", Level),
        Index(
            "notification_once",
            "event",
            "object_type",
            "object_id",
            "account_id",
            "day",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index("notification_newest", text("at DESC")),
        Index("notification_of_alarm", "alarm_id"),
    )
    id: UUID = Field(primary_key=True)
    at: datetime = Field(sa_type=TIME)
    day: date
    account_id: UUID | None = Field(default=None, foreign_key="account.id")
    event: str
    level: str
    object_type: str
    object_id: str
    title: str
    text: str
    alarm_id: UUID | None = Field(
        default=None, sa_column=Column(Uuid, ForeignKey("alarm.id", ondelete="SET NULL"))
    )
    seen_at: datetime | None = Field(default=None, sa_type=TIME)
    seen_by: str | None = None


class Delivery(SQLModel, table=True):
    """A notice that a channel is owed or was sent; machine time.

    Those of one ``message`` were last tried together, at ``tried_at``.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        Index("delivery_owed", "channel", postgresql_where=text("sent_at IS NULL AND NOT gave_up")),
        Index("delivery_tried", "channel", "tried_at"),
    )
    notification_id: UUID = Field(
        sa_column=Column(Uuid, ForeignKey("notification.id", ondelete="CASCADE"), primary_key=True)
    )
    channel: str = Field(primary_key=True)
    operator: str
    queued_at: datetime = Field(
        sa_column=Column(TIME, nullable=False, server_default=text("clock_timestamp()"))
    )
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    error: str | None = None
    gave_up: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    sent_at: datetime | None = Field(default=None, sa_type=TIME)
    tried_at: datetime | None = Field(default=None, sa_type=TIME)
    message: UUID | None = None


class NotifyPreference(SQLModel, table=True):
    """What an operator wants to be sent outside; one without a row gets the summary."""

    __tablename__ = "notify_preference"
    __table_args__ = (one_of("mode", Mode),)
    operator: str = Field(primary_key=True, foreign_key="operator.name")
    mode: str
    set_at: datetime = Field(sa_type=TIME)
