"""Orders at the broker that are nobody's are remembered, suggestions' changes are rows of the audit, wakes are named"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sql import read

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "stranger_order",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("broker_order_id", sa.String(), nullable=False),
        sa.Column("external_identifier", sa.String(), nullable=True),
        sa.Column("underlying", sa.String(), nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.Column("met_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.PrimaryKeyConstraint("account_id", "broker_order_id"),
    )
    op.execute(
        "INSERT INTO audit (id, at, account_id, actor, action, object_type, object_id, before, after, why) "
        "SELECT gen_random_uuid(), created_at, account_id, 'migration', 'transition', 'suggestion', id::text, NULL, "
        "status, 'as it was before changes were written down' FROM suggestion"
    )
    op.execute(read("wakes.sql"))


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the migration")
