"""The inbox, what channels are owed, and what operators want to be sent"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sql import read

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _inbox()
    _deliveries()
    op.create_table(
        "notify_preference",
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("set_at", TIME, nullable=False),
        sa.CheckConstraint("mode IN ('none', 'immediate', 'summary')", name="mode_known"),
        sa.ForeignKeyConstraint(["operator"], ["operator.name"]),
        sa.PrimaryKeyConstraint("operator"),
    )
    op.execute(read("notices.sql"))


def _inbox() -> None:
    op.create_table(
        "notification",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("object_type", sa.String(), nullable=False),
        sa.Column("object_id", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("alarm_id", sa.Uuid(), nullable=True),
        sa.Column("seen_at", TIME, nullable=True),
        sa.Column("seen_by", sa.String(), nullable=True),
        sa.CheckConstraint("level IN ('info', 'warning', 'critical')", name="level_known"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.ForeignKeyConstraint(["alarm_id"], ["alarm.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "notification_once",
        "notification",
        ["event", "object_type", "object_id", "account_id", "day"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_index("notification_newest", "notification", [sa.text("at DESC")])
    op.create_index("notification_of_alarm", "notification", ["alarm_id"])


def _deliveries() -> None:
    op.create_table(
        "delivery",
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("queued_at", TIME, nullable=False, server_default=sa.text("clock_timestamp()")),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("gave_up", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("sent_at", TIME, nullable=True),
        sa.Column("message", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["notification_id"], ["notification.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("notification_id", "channel"),
    )
    op.create_index(
        "delivery_owed",
        "delivery",
        ["channel"],
        postgresql_where=sa.text("sent_at IS NULL AND NOT gave_up"),
    )
    op.create_index("delivery_sent", "delivery", ["channel", "sent_at"])


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the migration")
