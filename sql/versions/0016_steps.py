"""Every change of a status is a row of the audit from here on; what is there already comes to be with what it is"""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

KINDS = (
    ("order", "trade_order", "updated_at"),
    ("attempt", "attempt", "coalesce(settled_at, sending_at, prepared_at)"),
    ("position", "position", "coalesce(closed_at, opened_at, created_at)"),
)


def upgrade() -> None:
    for kind, table, at in KINDS:
        op.execute(
            "INSERT INTO audit (id, at, account_id, actor, action, object_type, object_id, before, after, why) "
            f"SELECT gen_random_uuid(), {at}, account_id, 'migration', 'transition', '{kind}', id::text, NULL, "
            f"status, 'as it was before changes were written down' FROM {table}"
        )


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the migration")
