"""The trading state as a constraint on sending"""

from __future__ import annotations

from alembic import op

from sql import read

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(read("sending.sql"))


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the migration")
