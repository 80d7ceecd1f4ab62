"""Exits: the wish to be out of a spread, who had an order cancelled, stops that may send orders"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

PRICE = sa.Numeric(20, 10)
TIME = sa.DateTime(timezone=True)
KINDS = (
    "suggest, approve, reject, cancel_order, set_state, sync, close_position, flatten, adopt_position, "
    "replace_order, reconcile, acknowledge, resume_underlying, run_job, pause_job, resume_job, retry_job, "
    "set_notify_mode, test_notification, restore_targets, set_stop"
)


def upgrade() -> None:
    op.create_table(
        "spread_exit",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("position_id", sa.Uuid(), nullable=False),
        sa.Column("spread_key", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("terms", sa.String(), nullable=False),
        sa.Column("limit_price", PRICE, nullable=True),
        sa.Column("excess", sa.Boolean(), nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("session", sa.Date(), nullable=True),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("moves", sa.Integer(), nullable=False),
        sa.Column("priced_at", TIME, nullable=True),
        sa.Column("unpriced_since", TIME, nullable=True),
        sa.Column("deaths", sa.Integer(), nullable=False),
        sa.Column("unread", sa.Boolean(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint(
            "cause IN ('time_exit', 'stop_loss', 'manual_close', 'flatten')", name="cause_known"
        ),
        sa.CheckConstraint("terms IN ('worked', 'natural', 'fixed')", name="terms_known"),
        sa.CheckConstraint("status IN ('active', 'done', 'given_up')", name="status_known"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.ForeignKeyConstraint(["position_id"], ["position.id"]),
        sa.ForeignKeyConstraint(
            ["position_id", "spread_key"], ["position_spread.position_id", "position_spread.key"]
        ),
        sa.ForeignKeyConstraint(["decision_id"], ["decision.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "one_active_exit",
        "spread_exit",
        ["position_id", "spread_key"],
        unique=True,
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_index("exit_by_account", "spread_exit", ["account_id", "status"])
    op.add_column("trade_order", sa.Column("exit_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(None, "trade_order", "spread_exit", ["exit_id"], ["id"])
    op.create_index(
        "one_exit_order",
        "trade_order",
        ["exit_id", "generation"],
        unique=True,
        postgresql_where=sa.text("exit_id IS NOT NULL"),
    )
    op.add_column("trade_order", sa.Column("cancel_actor", sa.String(), nullable=True))
    op.add_column(
        "position", sa.Column("stop_orders", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.drop_constraint("kind_known", "decision")
    listed = ", ".join(f"'{kind}'" for kind in KINDS.split(", "))
    op.create_check_constraint("kind_known", "decision", f"kind IN ({listed})")
    op.execute("UPDATE outbox SET job = 'mend_position' WHERE job = 'place_targets' AND done_at IS NULL")


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the migration")
