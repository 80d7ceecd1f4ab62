"""Raw messages of a month that had no partition are forgotten at their age too"""

from __future__ import annotations

from alembic import op

from sql import read

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(read("forget_messages.sql"))


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the migration")
