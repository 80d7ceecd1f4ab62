"""Everything the main job needs"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from sql import read

PARTITIONED = ("audit", "broker_message")

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("broker", sa.String(), nullable=False),
        sa.Column("environment", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("nickname", sa.String(), nullable=False),
        sa.Column("margin_or_cash", sa.String(), nullable=False),
        sa.Column("option_level", sa.String(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("closing_only", sa.Boolean(), nullable=False),
        sa.Column("risk_preset", sa.String(), nullable=False),
        sa.Column("entry_offset", sa.Numeric(precision=20, scale=10), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("environment IN ('simulated', 'sandbox', 'live')", name="environment_known"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("broker", "environment", "number"),
    )
    op.create_table(
        "broker_login",
        sa.Column("environment", sa.String(), nullable=False),
        sa.Column("refresh_token", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("environment IN ('simulated', 'sandbox', 'live')", name="environment_known"),
        sa.PrimaryKeyConstraint("environment"),
    )
    op.create_table(
        "deployment",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("namespace", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("id = 1", name="only_one"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "heartbeat",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("instance", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", "instance"),
    )
    op.create_table(
        "historical_price",
        sa.Column("timeline", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("open", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.Column("high", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.Column("low", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.Column("close", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.Column("volume", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.PrimaryKeyConstraint("timeline", "symbol", "day"),
    )
    op.create_table(
        "instrument",
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("instrument_type", sa.String(), nullable=False),
        sa.Column("streamer_symbol", sa.String(), nullable=False),
        sa.Column("underlying", sa.String(), nullable=False),
        sa.Column("multiplier", sa.Integer(), nullable=False),
        sa.Column("stops_trading_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("instrument_type IN ('Equity', 'Equity Option')", name="instrument_type_known"),
        sa.PrimaryKeyConstraint("symbol"),
    )
    op.create_table(
        "job_schedule",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("grace_seconds", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "market_session",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("day"),
    )
    op.create_table(
        "operator",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.Column("verifier", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("role IN ('trader', 'viewer')", name="role_known"),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "source_status",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", "subject"),
    )
    op.create_table(
        "account_snapshot",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("net_liquidation", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("cash", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("option_buying_power", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("maintenance", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "account_snapshot_newest",
        "account_snapshot",
        ["account_id", sa.literal_column("at DESC")],
        unique=False,
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("object_type", sa.String(), nullable=False),
        sa.Column("object_id", sa.String(), nullable=False),
        sa.Column("before", sa.String(), nullable=True),
        sa.Column("after", sa.String(), nullable=True),
        sa.Column("why", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("id", "at"),
        postgresql_partition_by="RANGE (at)",
    )
    op.create_table(
        "broker_message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("external_identifier", sa.String(), nullable=True),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("problem", sa.String(), nullable=True),
        sa.CheckConstraint("source IN ('rest', 'alert')", name="source_known"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("id", "at"),
        postgresql_partition_by="RANGE (at)",
    )
    op.create_table(
        "broker_position",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("instrument_type", sa.String(), nullable=False),
        sa.Column("underlying", sa.String(), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.Column("multiplier", sa.Integer(), nullable=False),
        sa.Column("average_open_price", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.Column("mark", sa.Numeric(precision=20, scale=10), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("account_id", "symbol"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("dedupe_key", sa.String(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("offers", sa.Integer(), server_default="0", nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.CheckConstraint("queue IN ('trading', 'accounts', 'default')", name="queue_known"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("dedupe_key"),
    )
    op.create_index(
        "outbox_undone", "outbox", ["id"], unique=False, postgresql_where=sa.text("done_at IS NULL")
    )
    op.create_table(
        "readiness",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("ready", sa.Boolean(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reconciled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("account_id"),
    )
    op.create_table(
        "suggestion",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("strategy", sa.String(), nullable=False),
        sa.Column("underlying", sa.String(), nullable=False),
        sa.Column("expiry", sa.Date(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("natural", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.Column("mid", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.Column("opposite", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.Column("oldest_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("limit_price", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.Column("band_low", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.Column("band_high", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.Column("tick", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.Column("max_loss", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("max_profit", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("score", sa.Numeric(precision=7, scale=4), nullable=False),
        sa.Column("time_exit_dte", sa.Integer(), nullable=False),
        sa.Column("stop_alert_share", sa.Numeric(precision=7, scale=4), nullable=False),
        sa.Column("stop_order_share", sa.Numeric(precision=7, scale=4), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("priced_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.CheckConstraint("origin IN ('strategy', 'manual', 'adopted', 'roll')", name="origin_known"),
        sa.CheckConstraint(
            "status IN ('pending', 'approved', 'rejected', 'expired', 'executed')", name="status_known"
        ),
        sa.CheckConstraint("band_low < band_high", name="band_open"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("suggestion_by_account", "suggestion", ["account_id", "status"], unique=False)
    op.create_table(
        "trading_state",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("set_by", sa.String(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('active', 'reduce_only', 'halted')", name="state_known"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("account_id"),
    )
    op.create_table(
        "job_slot",
        sa.Column("timeline", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("slot", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outbox_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["outbox_id"],
            ["outbox.id"],
        ),
        sa.PrimaryKeyConstraint("timeline", "name", "slot"),
    )
    op.create_table(
        "position",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("suggestion_id", sa.Uuid(), nullable=True),
        sa.Column("strategy", sa.String(), nullable=False),
        sa.Column("underlying", sa.String(), nullable=False),
        sa.Column("expiry", sa.Date(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("initial_risk", sa.Numeric(precision=18, scale=4), nullable=True),
        sa.Column("tick", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.Column("time_exit_dte", sa.Integer(), nullable=False),
        sa.Column("stop_alert_share", sa.Numeric(precision=7, scale=4), nullable=False),
        sa.Column("stop_order_share", sa.Numeric(precision=7, scale=4), nullable=False),
        sa.Column("closure_reason", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.CheckConstraint("origin IN ('strategy', 'manual', 'adopted', 'roll')", name="origin_known"),
        sa.CheckConstraint(
            "status IN ('pending_entry', 'open_full', 'open_partial', 'closing', 'closed', 'expired')",
            name="status_known",
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"],
            ["position.id"],
        ),
        sa.ForeignKeyConstraint(
            ["suggestion_id"],
            ["suggestion.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("suggestion_id"),
    )
    op.create_index("position_by_account", "position", ["account_id", "status"], unique=False)
    op.create_table(
        "suggestion_breakeven",
        sa.Column("suggestion_id", sa.Uuid(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("price", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.ForeignKeyConstraint(
            ["suggestion_id"],
            ["suggestion.id"],
        ),
        sa.PrimaryKeyConstraint("suggestion_id", "ordinal"),
    )
    op.create_table(
        "suggestion_reason",
        sa.Column("suggestion_id", sa.Uuid(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("points", sa.Numeric(precision=7, scale=4), nullable=True),
        sa.ForeignKeyConstraint(
            ["suggestion_id"],
            ["suggestion.id"],
        ),
        sa.PrimaryKeyConstraint("suggestion_id", "ordinal"),
    )
    op.create_table(
        "suggestion_spread",
        sa.Column("suggestion_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("width", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.Column("target_share", sa.Numeric(precision=7, scale=4), nullable=True),
        sa.ForeignKeyConstraint(
            ["suggestion_id"],
            ["suggestion.id"],
        ),
        sa.PrimaryKeyConstraint("suggestion_id", "key"),
    )
    op.create_table(
        "position_spread",
        sa.Column("position_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("width", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.Column("target_share", sa.Numeric(precision=7, scale=4), nullable=True),
        sa.Column("credit", sa.Numeric(precision=20, scale=10), nullable=True),
        sa.ForeignKeyConstraint(
            ["position_id"],
            ["position.id"],
        ),
        sa.PrimaryKeyConstraint("position_id", "key"),
    )
    op.create_table(
        "suggestion_leg",
        sa.Column("suggestion_id", sa.Uuid(), nullable=False),
        sa.Column("spread_key", sa.String(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "action IN ('Buy to Open', 'Buy to Close', 'Sell to Open', 'Sell to Close')", name="action_known"
        ),
        sa.CheckConstraint("quantity > 0", name="quantity_positive"),
        sa.ForeignKeyConstraint(
            ["suggestion_id", "spread_key"],
            ["suggestion_spread.suggestion_id", "suggestion_spread.key"],
        ),
        sa.ForeignKeyConstraint(
            ["symbol"],
            ["instrument.symbol"],
        ),
        sa.PrimaryKeyConstraint("suggestion_id", "spread_key", "ordinal"),
    )
    op.create_table(
        "trade_order",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("position_id", sa.Uuid(), nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=True),
        sa.Column("spread_key", sa.String(), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("underlying", sa.String(), nullable=False),
        sa.Column("time_in_force", sa.String(), nullable=False),
        sa.Column("limit_price", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.Column("band_low", sa.Numeric(precision=20, scale=10), nullable=True),
        sa.Column("band_high", sa.Numeric(precision=20, scale=10), nullable=True),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("broker_order_id", sa.String(), nullable=True),
        sa.Column("broker_status", sa.String(), nullable=True),
        sa.Column("cancel_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fill_price", sa.Numeric(precision=20, scale=10), nullable=True),
        sa.Column("natural_at_fill", sa.Numeric(precision=20, scale=10), nullable=True),
        sa.Column("opposite_at_fill", sa.Numeric(precision=20, scale=10), nullable=True),
        sa.Column("reject_reason", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.CheckConstraint("kind IN ('entry', 'target', 'exit', 'close')", name="kind_known"),
        sa.CheckConstraint("origin IN ('strategy', 'manual', 'adopted', 'roll')", name="origin_known"),
        sa.CheckConstraint(
            "status IN ('intended', 'working', 'partially_filled', 'filled', 'cancelled', 'rejected', 'expired', 'replaced', 'unknown')",
            name="status_known",
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.ForeignKeyConstraint(
            ["position_id"],
            ["position.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account_id", "broker_order_id"),
    )
    op.create_index(
        "one_entry", "trade_order", ["position_id"], unique=True, postgresql_where=sa.text("kind = 'entry'")
    )
    op.create_index(
        "one_target",
        "trade_order",
        ["position_id", "spread_key", "generation"],
        unique=True,
        postgresql_where=sa.text("kind = 'target'"),
    )
    op.create_index("order_by_account", "trade_order", ["account_id", "status"], unique=False)
    op.create_table(
        "attempt",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("external_identifier", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("body_hash", sa.String(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=True),
        sa.Column("prepared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sending_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sending_machine", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column("error_message", sa.String(), nullable=True),
        sa.CheckConstraint(
            "status IN ('prepared', 'sending', 'accepted', 'refused', 'unknown', 'abandoned')",
            name="status_known",
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["trade_order.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("external_identifier"),
        sa.UniqueConstraint("order_id", "number"),
    )
    op.create_index(
        "one_live_attempt",
        "attempt",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('prepared', 'sending', 'accepted', 'unknown')"),
    )
    op.create_table(
        "decision",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("suggestion_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("digest", sa.String(), nullable=True),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("symbol", sa.String(), nullable=True),
        sa.Column("strategy", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("terminal", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("proof", sa.LargeBinary(), nullable=True),
        sa.Column("shown_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind <> 'approve' OR digest IS NOT NULL", name="binds_digest"),
        sa.CheckConstraint(
            "kind IN ('suggest', 'approve', 'reject', 'cancel_order', 'set_state', 'sync')", name="kind_known"
        ),
        sa.CheckConstraint(
            "kind NOT IN ('approve', 'reject') OR (suggestion_id IS NOT NULL AND version IS NOT NULL)",
            name="names_suggestion",
        ),
        sa.CheckConstraint("role IN ('trader', 'viewer', 'policy')", name="role_known"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["trade_order.id"],
        ),
        sa.ForeignKeyConstraint(
            ["suggestion_id"],
            ["suggestion.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "decision_once",
        "decision",
        ["suggestion_id", "version"],
        unique=True,
        postgresql_where=sa.text("kind IN ('approve', 'reject')"),
    )
    op.create_table(
        "fill",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("fill_id", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("price", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.Column("filled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.CheckConstraint("quantity > 0", name="quantity_positive"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["trade_order.id"],
        ),
        sa.ForeignKeyConstraint(
            ["symbol"],
            ["instrument.symbol"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("order_id", "symbol", "fill_id"),
    )
    op.create_table(
        "order_leg",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("filled", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "action IN ('Buy to Open', 'Buy to Close', 'Sell to Open', 'Sell to Close')", name="action_known"
        ),
        sa.CheckConstraint("filled BETWEEN 0 AND quantity", name="filled_within"),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["trade_order.id"],
        ),
        sa.ForeignKeyConstraint(
            ["symbol"],
            ["instrument.symbol"],
        ),
        sa.PrimaryKeyConstraint("order_id", "ordinal"),
        sa.UniqueConstraint("order_id", "symbol"),
    )
    op.create_table(
        "position_leg",
        sa.Column("position_id", sa.Uuid(), nullable=False),
        sa.Column("spread_key", sa.String(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "action IN ('Buy to Open', 'Buy to Close', 'Sell to Open', 'Sell to Close')", name="action_known"
        ),
        sa.ForeignKeyConstraint(
            ["position_id", "spread_key"],
            ["position_spread.position_id", "position_spread.key"],
        ),
        sa.ForeignKeyConstraint(
            ["symbol"],
            ["instrument.symbol"],
        ),
        sa.PrimaryKeyConstraint("position_id", "spread_key", "ordinal"),
    )
    op.create_table(
        "decision_result",
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("reasons", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("suggestion_id", sa.Uuid(), nullable=True),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("outcome IN ('done', 'refused', 'failed')", name="outcome_known"),
        sa.ForeignKeyConstraint(
            ["decision_id"],
            ["decision.id"],
        ),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["trade_order.id"],
        ),
        sa.ForeignKeyConstraint(
            ["suggestion_id"],
            ["suggestion.id"],
        ),
        sa.PrimaryKeyConstraint("decision_id"),
    )
    op.create_table(
        "lot",
        sa.Column("fill_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("spread_key", sa.String(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("position_id", sa.Uuid(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("open_quantity", sa.Integer(), nullable=False),
        sa.Column("multiplier", sa.Integer(), nullable=False),
        sa.Column("price", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("quantity * open_quantity >= 0", name="same_side"),
        sa.CheckConstraint("quantity <> 0 AND abs(open_quantity) <= abs(quantity)", name="open_within"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.ForeignKeyConstraint(
            ["fill_id"],
            ["fill.id"],
        ),
        sa.ForeignKeyConstraint(
            ["position_id"],
            ["position.id"],
        ),
        sa.ForeignKeyConstraint(
            ["symbol"],
            ["instrument.symbol"],
        ),
        sa.PrimaryKeyConstraint("fill_id", "spread_key"),
    )
    op.create_index("lot_by_position", "lot", ["position_id"], unique=False)
    op.create_table(
        "lot_close",
        sa.Column("lot_fill_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("spread_key", sa.String(), nullable=False),
        sa.Column("fill_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("price", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["fill_id"],
            ["fill.id"],
        ),
        sa.ForeignKeyConstraint(
            ["lot_fill_id", "spread_key"],
            ["lot.fill_id", "lot.spread_key"],
        ),
        sa.PrimaryKeyConstraint("lot_fill_id", "spread_key", "fill_id"),
    )

    for month in PARTITIONED:
        op.execute(f"CREATE TABLE {month}_other PARTITION OF {month} DEFAULT")
    # the two tables name each other
    op.create_foreign_key(None, "trade_order", "decision", ["decision_id"], ["id"])
    op.execute(read("functions.sql"))


def downgrade() -> None:
    raise NotImplementedError("there is nothing before the first schema; restore a backup instead")
