"""Order truth: attempts known by their broker ids, replacements, the broker's ledger, alarms, halted underlyings"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

PRICE = sa.Numeric(20, 10)
MONEY = sa.Numeric(18, 4)
TIME = sa.DateTime(timezone=True)
KINDS = (
    "suggest, approve, reject, cancel_order, set_state, sync, close_position, flatten, adopt_position, "
    "replace_order, reconcile, acknowledge, resume_underlying"
)


def upgrade() -> None:
    op.add_column("trade_order", sa.Column("replaces_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(None, "trade_order", "trade_order", ["replaces_id"], ["id"])
    op.add_column("attempt", sa.Column("broker_order_id", sa.String(), nullable=True))
    op.add_column("attempt", sa.Column("absent_reads", sa.Integer(), nullable=False, server_default="0"))
    op.create_unique_constraint(None, "attempt", ["account_id", "broker_order_id"])
    op.add_column("position", sa.Column("managed", sa.Boolean(), nullable=False, server_default=sa.true()))
    _ledger()
    _alarms()
    _decisions()


def _ledger() -> None:
    op.create_table(
        "ledger_entry",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("broker_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("sub_kind", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("executed_at", TIME, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=True),
        sa.Column("underlying", sa.String(), nullable=True),
        sa.Column("instrument_type", sa.String(), nullable=True),
        sa.Column("action", sa.String(), nullable=True),
        sa.Column("quantity", PRICE, nullable=True),
        sa.Column("price", PRICE, nullable=True),
        sa.Column("value", MONEY, nullable=False),
        sa.Column("net_value", MONEY, nullable=False),
        sa.Column("commission", MONEY, nullable=False),
        sa.Column("fees", MONEY, nullable=False),
        sa.Column("broker_order_id", sa.String(), nullable=True),
        sa.Column("position_id", sa.Uuid(), nullable=True),
        sa.Column("read_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.ForeignKeyConstraint(["position_id"], ["position.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account_id", "broker_id"),
    )
    op.create_index("ledger_by_account", "ledger_entry", ["account_id", "executed_at"])
    op.create_index("ledger_by_position", "ledger_entry", ["position_id"])
    op.alter_column("fill", "order_id", nullable=True)
    op.add_column("fill", sa.Column("ledger_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(None, "fill", "ledger_entry", ["ledger_id"], ["id"])
    op.create_unique_constraint(None, "fill", ["ledger_id"])
    op.create_check_constraint("one_cause", "fill", "(order_id IS NULL) <> (ledger_id IS NULL)")


def _alarms() -> None:
    op.create_table(
        "alarm",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("object_type", sa.String(), nullable=False),
        sa.Column("object_id", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("raised_at", TIME, nullable=False),
        sa.Column("seen_at", TIME, nullable=True),
        sa.Column("seen_by", sa.String(), nullable=True),
        sa.Column("resolved_at", TIME, nullable=True),
        sa.CheckConstraint("severity IN ('warning', 'critical')", name="severity_known"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "one_open_alarm",
        "alarm",
        ["account_id", "code", "object_type", "object_id"],
        unique=True,
        postgresql_where=sa.text("resolved_at IS NULL"),
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "underlying_halt",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("underlying", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("halted_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.PrimaryKeyConstraint("account_id", "underlying"),
    )


def _decisions() -> None:
    op.add_column("decision", sa.Column("subject_id", sa.Uuid(), nullable=True))
    op.add_column("decision", sa.Column("spread_key", sa.String(), nullable=True))
    op.add_column("decision", sa.Column("price", PRICE, nullable=True))
    op.add_column(
        "decision",
        sa.Column("options", postgresql.ARRAY(sa.Text()), nullable=False, server_default="{}"),
    )
    op.drop_constraint("kind_known", "decision")
    listed = ", ".join(f"'{kind}'" for kind in KINDS.split(", "))
    op.create_check_constraint("kind_known", "decision", f"kind IN ({listed})")


def downgrade() -> None:
    raise NotImplementedError("restore a backup made before the migration")
