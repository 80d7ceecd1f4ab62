"""Work that the streamer takes itself"""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint("queue_known", "outbox")
    op.create_check_constraint(
        "queue_known", "outbox", "queue IN ('trading', 'accounts', 'default', 'streamer')"
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the migration")
