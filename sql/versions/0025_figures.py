"""What a source counts and how old it is are figures, beside the words for them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "source_status", sa.Column("figures", JSONB(), server_default=sa.text("'{}'"), nullable=False)
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the migration")
