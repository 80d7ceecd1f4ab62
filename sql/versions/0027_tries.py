"""When a channel was last tried with what it is owed"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("delivery", sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("delivery_tried", "delivery", ["channel", "tried_at"])
    op.drop_index("delivery_sent", "delivery")


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the migration")
