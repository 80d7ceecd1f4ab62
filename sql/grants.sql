-- What each group may do, said anew after every migration.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, senex_daemon, senex_console, senex_backup;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC, senex_daemon, senex_console, senex_backup;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC, senex_daemon, senex_console, senex_backup;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
DO $$ BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO senex_daemon, senex_console, senex_backup', current_database());
END $$;
GRANT USAGE ON SCHEMA public TO senex_daemon, senex_console, senex_backup;

-- The backup reads all there is, months that are still to be made among it, and changes nothing.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO senex_backup;
GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO senex_backup;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO senex_backup;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON SEQUENCES TO senex_backup;
GRANT EXECUTE ON FUNCTION tell_backup(text, boolean, text) TO senex_backup; -- how its work went, and nothing else

-- The daemon: no schema, no calendar, no operators, and nothing by which history could be rewritten.
-- Partitions are reached through their parents only.
GRANT SELECT ON
    account, account_snapshot, alarm, alembic_version, attempt, audit, audit_seal, broker_login, broker_message, broker_position,
    decision, decision_result, deployment, difference, fill, heartbeat, historical_price, instrument, job_schedule, job_slot, ledger_entry, lot,
    lot_close, market_session, operator, order_leg, outbox, position, position_leg, position_spread, readiness,
    source_status, spread_exit, suggestion, suggestion_breakeven, suggestion_leg, suggestion_reason, suggestion_spread,
    trade_order, trading_state, underlying_halt
    TO senex_daemon;
GRANT INSERT ON
    account, account_snapshot, alarm, attempt, audit, audit_seal, broker_login, broker_message, broker_position, decision,
    decision_result, difference, fill, heartbeat, historical_price, instrument, job_slot, ledger_entry, lot, lot_close, order_leg, outbox, position, position_leg,
    position_spread, readiness, source_status, spread_exit, suggestion, suggestion_breakeven, suggestion_leg,
    suggestion_reason, suggestion_spread, trade_order, trading_state, underlying_halt
    TO senex_daemon;
GRANT UPDATE ON
    account, alarm, attempt, broker_login, broker_position, heartbeat, historical_price, instrument, job_schedule, ledger_entry, lot, order_leg,
    outbox, position, position_spread, readiness, source_status, spread_exit, suggestion, trade_order, trading_state, underlying_halt
    TO senex_daemon;
GRANT UPDATE (symbol, quantity) ON position_leg TO senex_daemon; -- a corporate action gives contracts other terms
GRANT DELETE ON broker_position, difference, heartbeat, job_slot, outbox, underlying_halt TO senex_daemon;
GRANT UPDATE (claims, claimed_at, replaced_by) ON deployment TO senex_daemon;
GRANT SELECT ON backup_state TO senex_daemon;
GRANT SELECT, INSERT, UPDATE ON delivery, notification, notify_preference TO senex_daemon;
GRANT DELETE ON notification TO senex_daemon;
GRANT USAGE ON SEQUENCE audit_serial TO senex_daemon;
GRANT EXECUTE ON FUNCTION make_month(regclass, date), audit_settled(), forget_orders(timestamptz, integer),
    forget_suggestions(timestamptz, integer), forget_messages(timestamptz) TO senex_daemon;

-- The console: what screens show, never a secret, a proof or a raw message; and decisions to insert.
GRANT SELECT ON
    account_snapshot, alarm, alembic_version, attempt, audit, audit_seal, broker_position, decision_result, difference, fill, heartbeat,
    historical_price, instrument, job_schedule, ledger_entry, lot, lot_close, market_session, order_leg, position, position_leg,
    position_spread, readiness, source_status, spread_exit, suggestion, suggestion_breakeven, suggestion_leg,
    suggestion_reason, suggestion_spread, trade_order, trading_state, underlying_halt
    TO senex_console;
GRANT SELECT (name, role, salt) ON operator TO senex_console;
GRANT SELECT (
    id, broker, environment, number, nickname, margin_or_cash, option_level, closed, closing_only, risk_preset,
    entry_offset, created_at, updated_at
) ON account TO senex_console;
GRANT SELECT (
    id, account_id, kind, suggestion_id, version, digest, order_id, symbol, strategy, state, reason, operator,
    terminal, role, shown_at, decided_at, subject_id, spread_key, price, options
) ON decision TO senex_console;
GRANT SELECT (id, account_id, queue, job, subject, created_at, lease_until, offers, done_at, error) ON outbox
    TO senex_console;
GRANT SELECT ON delivery, job_slot, notification, notify_preference TO senex_console;
GRANT INSERT ON decision TO senex_console;
GRANT EXECUTE ON FUNCTION operator_knows(text, bytea), operator_knows(text, bytea, text) TO senex_console;

-- Automation: the policy is set by decisions, which the daemon takes; consoles look.
GRANT SELECT, INSERT, UPDATE ON automation, automation_day TO senex_daemon;
GRANT SELECT ON automation, automation_day TO senex_console;

-- Summaries.
GRANT SELECT, INSERT, UPDATE ON trading_summary TO senex_daemon;
GRANT SELECT ON trading_summary TO senex_console;

-- History; what is thinned out goes by its id.
GRANT SELECT, INSERT, UPDATE ON metrics_history, greeks_history TO senex_daemon;
GRANT DELETE ON greeks_history TO senex_daemon;
GRANT SELECT ON metrics_history, greeks_history TO senex_console;

-- Orders at the broker that are nobody's here.
GRANT SELECT, INSERT, UPDATE ON stranger_order TO senex_daemon;
GRANT SELECT ON stranger_order TO senex_console;
