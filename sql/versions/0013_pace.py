"""How many orders went out of late is asked before each one"""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("attempt_sent", "attempt", ["account_id", "sending_at"])


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the migration")
