"""How backups go; and which deployment of those that came of one database trades"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sql import read

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "backup_state",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("done_at", TIME, nullable=True),
        sa.Column("tried_at", TIME, nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.CheckConstraint("kind IN ('base', 'wal', 'dump', 'verify')", name="kind_known"),
        sa.PrimaryKeyConstraint("kind"),
    )
    op.execute(read("backups.sql"))
    for column in (
        sa.Column("claims", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("restored_at", TIME, nullable=True),
        sa.Column("claimed_at", TIME, nullable=True),
        sa.Column("replaced_by", sa.Uuid(), nullable=True),
        sa.Column("timeline", sa.Integer(), nullable=True),
    ):
        op.add_column("deployment", column)


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the migration")
