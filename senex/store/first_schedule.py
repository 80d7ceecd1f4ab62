"""The schedule a new database starts with; afterwards its rows are the operator's."""

from __future__ import annotations

SCHEDULE: tuple[dict[str, object], ...] = (
    {
        "name": "monitor_open_orders",
        "rule": "every 5 min 09:30-16:15 sessions in-session",
        "queue": "trading",
        "enabled": True,
        "grace_seconds": 300,
    },
    {
        "name": "monitor_positions_for_dte_closure",
        "rule": "every 5 min 09:35-16:15 sessions in-session",
        "queue": "trading",
        "enabled": True,
        "grace_seconds": 300,
    },
    {
        "name": "sync_positions",
        "rule": "every 10 min 09:30-16:15 sessions in-session",
        "queue": "accounts",
        "enabled": True,
        "grace_seconds": 600,
    },
    {
        "name": "sync_order_history",
        "rule": "every 15 min 09:30-16:15 sessions in-session",
        "queue": "accounts",
        "enabled": True,
        "grace_seconds": 900,
    },
    {
        "name": "reconcile_trades",
        "rule": "every 30 min 09:30-16:15 sessions in-session",
        "queue": "trading",
        "enabled": True,
        "grace_seconds": 1800,
    },
    {
        "name": "watch_machine",
        "rule": "every 5 min 04:00-20:00 weekdays",
        "queue": "trading",
        "enabled": True,
        "grace_seconds": 300,
    },
    {
        "name": "automated_daily_trade_cycle",
        "rule": "daily 10:00 weekdays",
        "queue": "trading",
        "enabled": True,
        "grace_seconds": 900,
    },
    {
        "name": "repeat_until_filled",
        "rule": "every 5 min 10:05-14:55 weekdays",
        "queue": "trading",
        "enabled": True,
        "grace_seconds": 240,
    },
    {
        "name": "sync_transactions",
        "rule": "every 60 min 00:00-23:59 every",
        "queue": "accounts",
        "enabled": True,
        "grace_seconds": 3600,
    },
    {
        "name": "generate_trading_summary",
        "rule": "daily 16:30 weekdays",
        "queue": "default",
        "enabled": True,
        "grace_seconds": 21_600,
    },
    {
        "name": "seal_journal",
        "rule": "every 60 min 00:00-23:59 every",
        "queue": "default",
        "enabled": True,
        "grace_seconds": 3600,
    },
    {
        "name": "cleanup_cancelled_trades",
        "rule": "daily 03:00 every",
        "queue": "default",
        "enabled": True,
        "grace_seconds": 43_200,
    },
    {
        "name": "cleanup_old_work",
        "rule": "daily 03:45 every",
        "queue": "default",
        "enabled": True,
        "grace_seconds": 43_200,
    },
    {
        "name": "cleanup_old_suggestions",
        "rule": "daily 03:30 every",
        "queue": "default",
        "enabled": True,
        "grace_seconds": 43_200,
    },
)
