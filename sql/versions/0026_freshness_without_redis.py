"""Whether sources are fresh is looked at by those who need no Redis to hear of it"""

from __future__ import annotations

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE job_schedule SET queue = 'trading' WHERE name = 'watch_freshness'")


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the migration")
