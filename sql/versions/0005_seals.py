"""Seals over the audit trail"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sql import read

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SEQUENCE audit_serial")
    op.add_column(
        "audit",
        sa.Column(
            "serial", sa.BigInteger(), nullable=False, server_default=sa.text("nextval('audit_serial')")
        ),
    )
    op.create_index("audit_by_serial", "audit", ["account_id", "serial"])
    op.create_table(
        "audit_seal",
        sa.Column("chain", sa.Uuid(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("first_serial", sa.BigInteger(), nullable=False),
        sa.Column("last_serial", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("previous", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("chain", "ordinal"),
    )
    op.execute(read("seals.sql"))


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the migration")
