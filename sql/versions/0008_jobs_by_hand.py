"""Jobs run, paused and retried by hand; notifications tested"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KINDS = (
    "suggest, approve, reject, cancel_order, set_state, sync, close_position, flatten, adopt_position, "
    "replace_order, reconcile, acknowledge, resume_underlying, run_job, pause_job, resume_job, retry_job, "
    "set_notify_mode, test_notification"
)


def upgrade() -> None:
    op.drop_constraint("kind_known", "decision")
    listed = ", ".join(f"'{kind}'" for kind in KINDS.split(", "))
    op.create_check_constraint("kind_known", "decision", f"kind IN ({listed})")
    op.create_index("outbox_by_job", "outbox", ["job", "id"])


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the migration")
