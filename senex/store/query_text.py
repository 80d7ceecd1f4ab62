"""The statements of ``senex.store.queries``. Column names are field names of the views.

A parameter that is NULL filters nothing. Market time is always given, never
asked of Postgres; only the age of a heartbeat is machine time.
"""

from __future__ import annotations

ACCOUNTS = """
SELECT a.id, a.number, a.nickname, a.environment, a.margin_or_cash, a.risk_preset,
    coalesce(t.state, 'halted') AS trading_state, coalesce(t.reason, 'no trading state yet') AS state_reason,
    coalesce(r.ready, false) AS ready, coalesce(r.reason, 'not reconciled yet') AS ready_reason,
    b.net_liquidation, b.cash, b.option_buying_power, b.maintenance, b.at AS balances_at,
    (SELECT count(*) FROM suggestion s
        WHERE s.account_id = a.id AND s.status = 'pending' AND s.expires_at > %(now)s
            AND s.priced_at > %(now)s::timestamptz - interval '10 minutes') AS approvals,
    o.working, o.unknown
FROM account a
LEFT JOIN trading_state t ON t.account_id = a.id
LEFT JOIN readiness r ON r.account_id = a.id
LEFT JOIN LATERAL (
    SELECT * FROM account_snapshot s WHERE s.account_id = a.id ORDER BY s.at DESC, s.id DESC LIMIT 1) b ON true
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE o.status <> 'unknown') AS working,
        count(*) FILTER (WHERE o.status = 'unknown') AS unknown
    FROM trade_order o WHERE o.account_id = a.id AND o.status = ANY(%(open)s)) o
WHERE NOT a.closed
ORDER BY a.environment, a.number
"""

_REALIZED = """
    SELECT sum((c.price - l.price) * sign(l.quantity::numeric) * c.quantity * l.multiplier)
    FROM lot l JOIN lot_close c ON c.lot_fill_id = l.fill_id AND c.spread_key = l.spread_key
    WHERE l.position_id = p.id
"""

HELD = f"""
SELECT p.id, p.account_id, p.status, p.initial_risk, coalesce(({_REALIZED}), 0) AS realized
FROM position p WHERE (p.managed OR p.parent_id IS NOT NULL) AND p.status = ANY(%(open)s)
"""  # noqa: S608  only constants are put in

CLOSED_LOTS = """
SELECT l.account_id, sum((c.price - l.price) * sign(l.quantity::numeric) * c.quantity * l.multiplier) AS gain
FROM lot_close c JOIN lot l ON l.fill_id = c.lot_fill_id AND l.spread_key = c.spread_key
WHERE c.closed_at >= %(since)s
GROUP BY l.account_id
"""

LOTS = """
SELECT l.position_id, l.spread_key, l.symbol, i.streamer_symbol AS streamer, l.fill_id,
    l.quantity, l.open_quantity, l.price, l.multiplier
FROM lot l JOIN instrument i ON i.symbol = l.symbol
WHERE l.position_id = ANY(%(ids)s) AND l.open_quantity <> 0
ORDER BY l.fill_id, l.spread_key
"""

SUGGESTIONS = """
SELECT s.*, a.number AS account_number
FROM suggestion s JOIN account a ON a.id = s.account_id
WHERE (s.account_id = %(account)s OR (%(account)s::uuid IS NULL AND (NOT a.closed OR %(id)s::uuid IS NOT NULL)))
    AND (%(id)s::uuid IS NULL OR s.id = %(id)s)
    AND (%(statuses)s::text[] IS NULL OR s.status = ANY(%(statuses)s))
ORDER BY s.created_at DESC, s.id
LIMIT %(limit)s
"""

SUGGESTION_LEGS = """
SELECT l.suggestion_id, s.key, s.width, s.target_share, l.symbol, i.streamer_symbol AS streamer,
    i.instrument_type, l.action, l.quantity
FROM suggestion_spread s
JOIN suggestion_leg l ON l.suggestion_id = s.suggestion_id AND l.spread_key = s.key
JOIN instrument i ON i.symbol = l.symbol
WHERE s.suggestion_id = ANY(%(ids)s)
ORDER BY s.ordinal, l.ordinal
"""

BREAKEVENS = """
SELECT suggestion_id, price FROM suggestion_breakeven
WHERE suggestion_id = ANY(%(ids)s) ORDER BY ordinal
"""

REASONS = """
SELECT suggestion_id, text, points FROM suggestion_reason
WHERE suggestion_id = ANY(%(ids)s) ORDER BY ordinal
"""

_ORDER = """
SELECT o.id, o.account_id, a.number AS account_number, o.position_id, o.kind, o.origin, o.spread_key,
    o.underlying, o.status, o.limit_price, o.fill_price, o.natural_at_fill, o.opposite_at_fill,
    o.time_in_force, o.broker_order_id, o.broker_status, t.external_identifier,
    t.status AS attempt_status, t.error_message AS attempt_message, o.reject_reason,
    o.created_at, o.updated_at
FROM trade_order o
JOIN account a ON a.id = o.account_id
LEFT JOIN LATERAL (
    SELECT * FROM attempt t WHERE t.order_id = o.id ORDER BY t.number DESC LIMIT 1) t ON true
"""

ORDERS = f"""
{_ORDER}
WHERE (o.account_id = %(account)s OR (%(account)s::uuid IS NULL AND (NOT a.closed OR %(id)s::uuid IS NOT NULL)))
    AND (%(position)s::uuid IS NULL OR o.position_id = %(position)s)
    AND (%(id)s::uuid IS NULL OR o.id = %(id)s)
    AND (%(statuses)s::text[] IS NULL OR o.status = ANY(%(statuses)s))
ORDER BY o.created_at DESC, o.spread_key NULLS FIRST, o.id
LIMIT %(limit)s
"""

TARGETS = f"""
{_ORDER}
JOIN (
    SELECT DISTINCT ON (position_id, spread_key) id
    FROM trade_order WHERE kind = 'target' AND position_id = ANY(%(ids)s)
    ORDER BY position_id, spread_key, status IN ('cancelled', 'rejected', 'expired', 'replaced'), status = 'filled',
        generation DESC) told ON told.id = o.id
"""  # noqa: S608  only constants are put in

ORDER_LEGS = """
SELECT l.order_id, l.symbol, i.streamer_symbol AS streamer, l.action, l.quantity, l.filled
FROM order_leg l JOIN instrument i ON i.symbol = l.symbol
WHERE l.order_id = ANY(%(ids)s)
ORDER BY l.ordinal
"""

ORDER_EVENTS = """
SELECT at, actor, action, before, after, why FROM audit
WHERE action <> 'transition' AND (object_id = %(id)s::text
    OR object_id IN (SELECT t.id::text FROM attempt t WHERE t.order_id = %(id)s))
ORDER BY at, action
"""

ALARMS = """
SELECT m.id, m.account_id, a.number AS account_number, m.code, m.severity, m.object_type, m.object_id, m.text,
    m.raised_at, m.seen_at, m.seen_by
FROM alarm m LEFT JOIN account a ON a.id = m.account_id
WHERE m.resolved_at IS NULL AND (%(account)s::uuid IS NULL OR m.account_id = %(account)s)
ORDER BY m.severity, m.seen_at IS NOT NULL, m.raised_at DESC
"""

AUTOMATIONS = """
SELECT a.id AS account_id, a.number AS account_number, coalesce(p.enabled, false) AS enabled, p.underlying, p.strategy,
    coalesce(p.repeat_until_filled, false) AS repeat_until_filled, p.max_loss, p.min_score, p.set_by, p.set_at,
    d.at AS tried_at, d.skipped, r.message AS answer, o.id AS order_id, o.status AS order_status
FROM account a
LEFT JOIN automation p ON p.account_id = a.id
LEFT JOIN automation_day d ON d.account_id = a.id AND d.day = %(day)s
LEFT JOIN decision_result r ON r.decision_id = d.decision_id
LEFT JOIN trade_order o ON o.id = r.order_id
WHERE NOT a.closed
ORDER BY a.environment, a.number
"""

SUMMARIES = """
SELECT s.*, a.number AS account_number FROM trading_summary s JOIN account a ON a.id = s.account_id
WHERE s.account_id = %(account)s ORDER BY s.day DESC LIMIT %(limit)s
"""

DIFFERENCES = """
SELECT a.number AS account_number, d.category, d.subject, d.underlying, d.ours, d.theirs, d.fix, d.found_at
FROM difference d JOIN account a ON a.id = d.account_id
WHERE d.account_id = %(account)s ORDER BY d.category, d.subject
"""

JOURNAL = """
SELECT * FROM (
    SELECT j.serial, j.at, a.number AS account_number, j.actor, j.action, j.object_type, j.object_id, j.before,
        j.after, j.why
    FROM audit j LEFT JOIN account a ON a.id = j.account_id
    WHERE j.action <> 'transition' AND (%(account)s::uuid IS NULL OR j.account_id = %(account)s)
        AND (%(after)s::bigint IS NULL OR j.serial > %(after)s)
    ORDER BY CASE WHEN %(after)s::bigint IS NULL THEN -j.serial ELSE j.serial END
    LIMIT %(limit)s) newest
ORDER BY serial
"""

STEPS = """
SELECT object_type, object_id, before, after FROM audit WHERE action = 'transition' ORDER BY serial
"""

STANDINGS = """
SELECT 'order ' || id AS name, status FROM trade_order
UNION ALL SELECT 'attempt ' || id, status FROM attempt
UNION ALL SELECT 'position ' || id, status FROM position
UNION ALL SELECT 'suggestion ' || id, status FROM suggestion
"""

CHAINS = """
SELECT c.chain, a.number
FROM (SELECT DISTINCT coalesce(account_id, %(nobody)s::uuid) AS chain FROM audit
    UNION SELECT DISTINCT chain FROM audit_seal) c
LEFT JOIN account a ON a.id = c.chain
ORDER BY a.number NULLS LAST
"""

SEALS = """
SELECT chain, ordinal, first_serial, last_serial, rows, previous, digest FROM audit_seal
WHERE chain = %(chain)s ORDER BY ordinal
"""

_IN_CHAIN = "(account_id = %(chain)s OR (account_id IS NULL AND %(chain)s = %(nobody)s::uuid))"

SEALED_ROWS = f"""
SELECT serial, id, at, account_id, actor, action, object_type, object_id, before, after, why FROM audit
WHERE {_IN_CHAIN} AND serial > %(above)s AND serial <= %(last)s ORDER BY serial
"""  # noqa: S608  only constants are put in

UNSEALED = f"SELECT count(*) AS rows FROM audit WHERE {_IN_CHAIN} AND serial > %(last)s"  # noqa: S608  the same

POSITIONS = f"""
SELECT p.id, p.account_id, a.number AS account_number, p.strategy, p.origin, p.underlying, p.expiry, p.units,
    p.status, p.initial_risk, coalesce(({_REALIZED}), 0) AS realized, p.opened_at, p.time_exit_dte,
    p.parent_id, p.managed, p.closure_reason, p.closed_at, p.stop_orders,
    coalesce((
        SELECT array_agg(day ORDER BY day) FROM market_session
        WHERE day BETWEEN l.last - p.time_exit_dte AND l.last), '{{}}') AS ladder
FROM position p JOIN account a ON a.id = p.account_id
CROSS JOIN LATERAL (
    SELECT least(p.expiry, min((i.stops_trading_at AT TIME ZONE 'America/New_York')::date)) AS last
    FROM lot JOIN instrument i ON i.symbol = lot.symbol
    WHERE lot.position_id = p.id AND lot.open_quantity <> 0) l
WHERE (p.account_id = %(account)s OR (%(account)s::uuid IS NULL AND (NOT a.closed OR %(id)s::uuid IS NOT NULL)))
    AND (%(id)s::uuid IS NULL OR p.id = %(id)s)
    AND (%(statuses)s::text[] IS NULL OR p.status = ANY(%(statuses)s))
ORDER BY p.expiry, p.underlying, p.created_at, p.id
"""  # noqa: S608  only constants are put in

# what one contract or share of each fill cost; NULL while its transactions are not all there
_COSTS = """
named AS (
    SELECT o.id AS order_id, o.account_id, o.broker_order_id FROM trade_order o
    WHERE o.broker_order_id IS NOT NULL AND (%(ids)s::uuid[] IS NULL OR o.position_id = ANY(%(ids)s))
    UNION SELECT t.order_id, t.account_id, t.broker_order_id FROM attempt t JOIN trade_order o ON o.id = t.order_id
    WHERE t.broker_order_id IS NOT NULL AND (%(ids)s::uuid[] IS NULL OR o.position_id = ANY(%(ids)s))),
told AS (
    SELECT n.order_id, e.symbol, sum(e.commission + e.fees) AS cost, sum(e.quantity) AS quantity
    FROM ledger_entry e JOIN named n ON n.account_id = e.account_id AND n.broker_order_id = e.broker_order_id
    WHERE e.kind = 'Trade' GROUP BY n.order_id, e.symbol),
filled AS (
    SELECT f.order_id, f.symbol, sum(f.quantity) AS quantity FROM fill f
    WHERE f.order_id IN (SELECT order_id FROM named) GROUP BY f.order_id, f.symbol),
wanted AS (
    SELECT fill_id AS id FROM lot WHERE %(ids)s::uuid[] IS NULL OR position_id = ANY(%(ids)s)
    UNION SELECT c.fill_id FROM lot_close c JOIN lot l ON l.fill_id = c.lot_fill_id AND l.spread_key = c.spread_key
    WHERE %(ids)s::uuid[] IS NULL OR l.position_id = ANY(%(ids)s)),
costs AS (
    SELECT f.id, coalesce(e.day, (f.filled_at AT TIME ZONE 'America/New_York')::date) AS day,
        CASE WHEN e.id IS NOT NULL THEN (e.commission + e.fees) / e.quantity
            WHEN t.quantity >= s.quantity THEN t.cost / t.quantity END AS each
    FROM wanted w
    JOIN fill f ON f.id = w.id
    LEFT JOIN ledger_entry e ON e.id = f.ledger_id
    LEFT JOIN told t ON t.order_id = f.order_id AND t.symbol = f.symbol
    LEFT JOIN filled s ON s.order_id = f.order_id AND s.symbol = f.symbol)
"""

_OWNER = """
JOIN position p ON p.id = g.position_id
JOIN position root ON root.id = coalesce(p.parent_id, p.id)
JOIN account a ON a.id = p.account_id
WHERE (%(account)s::uuid IS NULL OR p.account_id = %(account)s)
    AND (%(ids)s::uuid[] IS NULL OR g.position_id = ANY(%(ids)s))
    AND (%(since)s::date IS NULL OR g.day >= %(since)s)
"""

GAINS = f"""
WITH {_COSTS},
gains AS (
    SELECT l.position_id, l.spread_key, k.day,
        sum((c.price - l.price) * sign(l.quantity::numeric) * c.quantity * l.multiplier) AS gross,
        CASE WHEN bool_and(o.each IS NOT NULL AND k.each IS NOT NULL)
            THEN sum(c.quantity * (o.each + k.each)) END AS fees
    FROM lot_close c
    JOIN lot l ON l.fill_id = c.lot_fill_id AND l.spread_key = c.spread_key
    JOIN costs o ON o.id = l.fill_id
    JOIN costs k ON k.id = c.fill_id
    WHERE %(ids)s::uuid[] IS NULL OR l.position_id = ANY(%(ids)s)
    GROUP BY l.position_id, l.spread_key, k.day
    UNION ALL
    SELECT e.position_id, '', e.day, sum(e.net_value), 0 FROM ledger_entry e
    WHERE e.kind = 'Money Movement' AND e.position_id IS NOT NULL
    GROUP BY e.position_id, e.day)
SELECT a.number AS account_number, g.position_id, root.id AS root_id, root.strategy, root.underlying,
    root.initial_risk, g.spread_key, g.day, g.gross, g.fees
FROM gains g {_OWNER}
ORDER BY g.day, root.created_at, root.id, g.position_id, g.spread_key
"""  # noqa: S608  only constants are put in

PAID = f"""
WITH {_COSTS},
paid AS (
    SELECT l.position_id, abs(l.quantity) * o.each AS cost FROM lot l JOIN costs o ON o.id = l.fill_id
    WHERE l.position_id = ANY(%(ids)s)
    UNION ALL
    SELECT l.position_id, c.quantity * k.each FROM lot_close c
    JOIN lot l ON l.fill_id = c.lot_fill_id AND l.spread_key = c.spread_key JOIN costs k ON k.id = c.fill_id
    WHERE l.position_id = ANY(%(ids)s))
SELECT position_id, CASE WHEN bool_and(cost IS NOT NULL) THEN sum(cost) END AS fees FROM paid GROUP BY position_id
"""  # noqa: S608  only constants are put in

CHILDREN = "SELECT id FROM position WHERE parent_id = ANY(%(ids)s)"

EXITS = """
SELECT position_id, spread_key, cause, terms, limit_price, step, why, created_at FROM spread_exit
WHERE position_id = ANY(%(ids)s) AND status = 'active'
"""

POSITION_SPREADS = """
SELECT position_id, key, width, credit, target_share FROM position_spread
WHERE position_id = ANY(%(ids)s) ORDER BY ordinal
"""

# without an account: of each source what is worst, then oldest
SOURCES = """
SELECT DISTINCT ON (source) source, ok, detail, at FROM source_status
WHERE subject IN ('', %(account)s)
    OR (%(account)s::text IS NULL AND subject IN (SELECT id::text FROM account WHERE NOT closed))
ORDER BY source, ok, at
"""

PROCESSES = """
SELECT name, instance,
    greatest(extract(epoch FROM clock_timestamp() - beat_at), 0)::double precision AS age, detail
FROM heartbeat ORDER BY name, instance
"""

# a lease is what the relay gives an offer and a worker renews; who has one is at work or next in line
STATE = """CASE WHEN o.done_at IS NOT NULL THEN 'done' WHEN o.error IS NOT NULL THEN 'failing'
    WHEN o.offers > 0 AND o.lease_until > clock_timestamp() THEN 'running' ELSE 'waiting' END"""

SCHEDULE = f"""
SELECT s.name, s.rule, s.queue, s.enabled, s.grace_seconds, k.slot AS last_slot,
    CASE WHEN r.rows = 0 THEN 'never' WHEN r.failing THEN 'failing' WHEN r.running THEN 'running'
        WHEN r.waiting THEN 'waiting' ELSE 'done' END AS result,
    r.error, r.ended_at
FROM job_schedule s
LEFT JOIN LATERAL (
    SELECT slot, outbox_id FROM job_slot k WHERE k.name = s.name ORDER BY outbox_id DESC LIMIT 1) k ON true
CROSS JOIN LATERAL (
    SELECT count(*) AS rows, bool_or(state = 'failing') AS failing, bool_or(state = 'running') AS running,
        bool_or(state = 'waiting') AS waiting, max(error) AS error, max(done_at) AS ended_at
    FROM (SELECT o.error, o.done_at, {STATE} AS state FROM outbox o
        WHERE o.job = s.name
            AND o.id >= coalesce(k.outbox_id, (SELECT max(m.id) FROM outbox m WHERE m.job = s.name))) of_run) r
ORDER BY s.name
"""  # noqa: S608  only constants are put in

SESSIONS = """
SELECT day, opens_at, closes_at FROM market_session WHERE day BETWEEN %(first)s AND %(last)s ORDER BY day
"""

JOBS = f"""
SELECT * FROM (
    SELECT o.id, a.number AS account_number, o.queue, o.job, o.subject, {STATE} AS state, o.offers, o.created_at,
        o.done_at, o.error
    FROM outbox o LEFT JOIN account a ON a.id = o.account_id
    WHERE NOT coalesce(a.closed, false)
        AND (o.done_at IS NULL OR %(states)s::text[] IS NULL OR 'done' = ANY(%(states)s))) jobs
WHERE %(states)s::text[] IS NULL OR state = ANY(%(states)s)
ORDER BY id DESC LIMIT %(limit)s
"""  # noqa: S608  only constants are put in

# work of closed accounts waits for ever
QUEUES = f"""
SELECT q.name, count(*) FILTER (WHERE state = 'waiting') AS waiting,
    count(*) FILTER (WHERE state = 'running') AS running, count(*) FILTER (WHERE state = 'failing') AS failing,
    extract(epoch FROM clock_timestamp() - min(created_at))::double precision AS oldest
FROM unnest(ARRAY['trading', 'accounts', 'default', 'streamer']) WITH ORDINALITY AS q(name, place)
LEFT JOIN (
    SELECT o.queue, o.created_at, {STATE} AS state FROM outbox o LEFT JOIN account a ON a.id = o.account_id
    WHERE o.done_at IS NULL AND NOT coalesce(a.closed, false)) o ON o.queue = q.name
GROUP BY q.name, q.place ORDER BY q.place
"""  # noqa: S608  only constants are put in

JOB_HEALTH = """
SELECT s.name, s.rule, s.enabled,
    (SELECT extract(epoch FROM clock_timestamp() - o.done_at)::double precision FROM outbox o
        WHERE o.job = s.name AND o.done_at IS NOT NULL AND o.error IS NULL ORDER BY o.id DESC LIMIT 1) AS done_age,
    w.waiting::integer AS waiting, w.waiting_age, w.error
FROM job_schedule s
CROSS JOIN LATERAL (
    SELECT count(*) AS waiting, max(o.error) AS error,
        extract(epoch FROM clock_timestamp() - min(o.created_at))::double precision AS waiting_age
    FROM outbox o WHERE o.done_at IS NULL AND o.job = s.name
        AND NOT EXISTS (SELECT FROM account a WHERE a.id = o.account_id AND a.closed)) w
ORDER BY s.name
"""

NOTIFICATIONS = """
SELECT n.id, n.at, a.number AS account_number, n.event, n.level, n.object_type, n.object_id, n.title, n.text,
    m.id IS NOT NULL AND m.resolved_at IS NULL AS alarm_open, m.code, n.seen_at, n.seen_by,
    d.sent, d.owed, d.lost, d.problem
FROM notification n
LEFT JOIN account a ON a.id = n.account_id
LEFT JOIN alarm m ON m.id = n.alarm_id
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE sent_at IS NOT NULL) AS sent,
        count(*) FILTER (WHERE sent_at IS NULL AND NOT gave_up) AS owed, count(*) FILTER (WHERE gave_up) AS lost,
        max(error) AS problem
    FROM delivery WHERE notification_id = n.id) d
WHERE (%(account)s::uuid IS NULL OR n.account_id = %(account)s OR n.account_id IS NULL)
    AND NOT (%(unseen)s AND n.seen_at IS NOT NULL)
ORDER BY n.at DESC, n.id LIMIT %(limit)s
"""

NOTIFY_MODE = "SELECT mode FROM notify_preference WHERE operator = %(operator)s"

HOLDINGS = """
SELECT symbol, quantity, multiplier, average_open_price, mark, read_at FROM broker_position
WHERE account_id = %(account)s ORDER BY underlying, symbol
"""

RESULT = """
SELECT decision_id, outcome, code, message, reasons, suggestion_id, order_id FROM decision_result
WHERE decision_id = %(id)s
"""

OPERATOR = "SELECT name, role, salt FROM operator WHERE name = %(name)s"
