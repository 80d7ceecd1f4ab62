"""Guards: rows of partitions, policies, months made by the daemon"""

from __future__ import annotations

from alembic import op

from sql import read

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(read("guards.sql"))


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the migration")
