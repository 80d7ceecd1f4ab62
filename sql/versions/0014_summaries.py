"""Daily summaries"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

MONEY = sa.Numeric(18, 4)


def upgrade() -> None:
    op.create_table(
        "trading_summary",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("realised", MONEY, nullable=False),
        *(
            sa.Column(name, MONEY, nullable=True)
            for name in ("fees", "net_liquidation", "open_risk", "budget")
        ),
        *(
            sa.Column(name, postgresql.ARRAY(sa.Text()), nullable=False)
            for name in ("traded", "next_exits", "expirations", "failures")
        ),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.PrimaryKeyConstraint("account_id", "day"),
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the migration")
