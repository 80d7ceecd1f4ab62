-- What each group may do, said anew after every migration.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, senex_daemon, senex_console;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC, senex_daemon, senex_console;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC, senex_daemon, senex_console;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO senex_daemon, senex_console;

GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO senex_daemon;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO senex_daemon;
GRANT DELETE ON broker_position, heartbeat TO senex_daemon;
REVOKE UPDATE ON audit, broker_message, decision, decision_result, fill, alembic_version FROM senex_daemon;
REVOKE INSERT ON deployment, alembic_version FROM senex_daemon;

GRANT SELECT ON
    account_snapshot, attempt, audit, broker_position, decision_result, deployment, fill, heartbeat,
    historical_price, instrument, job_schedule, job_slot, lot, lot_close, market_session, order_leg, outbox,
    position, position_leg, position_spread, readiness, source_status, suggestion, suggestion_breakeven,
    suggestion_leg, suggestion_reason, suggestion_spread, trade_order, trading_state, alembic_version
    TO senex_console;
GRANT SELECT (name, role, salt) ON operator TO senex_console;
GRANT SELECT (
    id, broker, environment, number, nickname, margin_or_cash, option_level, closed, closing_only, risk_preset,
    entry_offset, created_at, updated_at
) ON account TO senex_console;
GRANT INSERT ON decision TO senex_console;
GRANT SELECT (
    id, account_id, kind, suggestion_id, version, digest, order_id, symbol, strategy, state, reason, operator, terminal,
    role, shown_at, decided_at
) ON decision TO senex_console;
GRANT EXECUTE ON FUNCTION operator_knows(text, bytea) TO senex_console;
