"""Retention: what may be forgotten, and how"""

from __future__ import annotations

from alembic import op

from sql import read

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint("decision_result_suggestion_id_fkey", "decision_result")
    op.create_index("ix_job_slot_outbox_id", "job_slot", ["outbox_id"])
    op.execute(read("retention.sql"))
    op.execute(read("forget_messages.sql"))


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the migration")
