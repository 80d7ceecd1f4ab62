"""Nobody is woken for work that is taken from the start, or is for later"""

from __future__ import annotations

from alembic import op

from sql import read

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(read("wakes.sql"))


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the migration")
