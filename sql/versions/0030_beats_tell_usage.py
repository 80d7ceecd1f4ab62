"""A heartbeat tells what its process uses, which only its own host can know"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("heartbeat", sa.Column("cpu_seconds", sa.Float(), nullable=True))
    op.add_column("heartbeat", sa.Column("resident_bytes", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the migration")
