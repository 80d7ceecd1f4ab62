"""Operators may have the broker probed"""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

KINDS = (
    "suggest, approve, reject, cancel_order, set_state, sync, probe_broker, close_position, flatten, "
    "adopt_position, replace_order, reconcile, acknowledge, resume_underlying, run_job, pause_job, "
    "resume_job, retry_job, set_notify_mode, test_notification, restore_targets, set_stop, "
    "set_automation"
)


def upgrade() -> None:
    op.drop_constraint("kind_known", "decision")
    listed = ", ".join(f"'{kind}'" for kind in KINDS.split(", "))
    op.create_check_constraint("kind_known", "decision", f"kind IN ({listed})")


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the migration")
