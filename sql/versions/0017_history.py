"""Metrics and Greeks as they were"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

SHARE = sa.Numeric(7, 4)
PRICE = sa.Numeric(20, 10)


def upgrade() -> None:
    op.create_table(
        "metrics_history",
        sa.Column("timeline", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        *(sa.Column(name, SHARE, nullable=True) for name in ("iv_rank", "iv_percentile", "iv30", "hv30")),
        sa.PrimaryKeyConstraint("timeline", "symbol", "day"),
    )
    op.create_table(
        "greeks_history",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("timeline", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        *(
            sa.Column(name, PRICE, nullable=False)
            for name in ("price", "volatility", "delta", "gamma", "theta", "vega")
        ),
        sa.ForeignKeyConstraint(["symbol"], ["instrument.symbol"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("timeline", "symbol", "at"),
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the migration")
