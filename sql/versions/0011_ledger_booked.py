"""The broker's ledger is booked: what is pending, since when it is kept, a fill for each position a row changes"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account", sa.Column("ledger_from", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "ledger_entry", sa.Column("pending", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_index("ledger_by_order", "ledger_entry", ["account_id", "broker_order_id"])
    op.create_index("ledger_pending", "ledger_entry", ["account_id"], postgresql_where=sa.text("pending"))
    op.drop_constraint("fill_ledger_id_key", "fill")
    op.create_unique_constraint(None, "fill", ["ledger_id", "fill_id"])


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the migration")
