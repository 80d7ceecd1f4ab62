"""Automated entries: the operator's policy per account, one entry a day"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

MONEY = sa.Numeric(18, 4)
SHARE = sa.Numeric(7, 4)
TIME = sa.DateTime(timezone=True)
KINDS = (
    "suggest, approve, reject, cancel_order, set_state, sync, close_position, flatten, "
    "adopt_position, replace_order, reconcile, acknowledge, resume_underlying, run_job, pause_job, "
    "resume_job, retry_job, set_notify_mode, test_notification, restore_targets, set_stop, "
    "set_automation"
)


def upgrade() -> None:
    op.create_table(
        "automation",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("underlying", sa.String(), nullable=False),
        sa.Column("strategy", sa.String(), nullable=False),
        sa.Column("repeat_until_filled", sa.Boolean(), nullable=False),
        sa.Column("max_loss", MONEY, nullable=True),
        sa.Column("min_score", SHARE, nullable=True),
        sa.Column("set_by", sa.String(), nullable=False),
        sa.Column("set_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.PrimaryKeyConstraint("account_id"),
    )
    op.create_table(
        "automation_day",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=True),
        sa.Column("skipped", sa.String(), nullable=True),
        sa.Column("at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.ForeignKeyConstraint(["decision_id"], ["decision.id"]),
        sa.PrimaryKeyConstraint("account_id", "day"),
    )
    op.drop_constraint("kind_known", "decision")
    listed = ", ".join(f"'{kind}'" for kind in KINDS.split(", "))
    op.create_check_constraint("kind_known", "decision", f"kind IN ({listed})")


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the migration")
