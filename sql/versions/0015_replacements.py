"""Orders may be replaced, entries too, each by one other at a time"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("one_entry", table_name="trade_order")
    op.create_index(
        "one_entry",
        "trade_order",
        ["position_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'entry' AND replaces_id IS NULL"),
    )
    op.create_index(
        "one_replacement",
        "trade_order",
        ["replaces_id"],
        unique=True,
        postgresql_where=sa.text("status NOT IN ('cancelled', 'rejected')"),
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the migration")
