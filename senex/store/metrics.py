"""All figures of a scrape in one transaction of Postgres, each a name, its labels' values and a number.

Work that is done is counted among the newest only, and sizes are Postgres' own statistics; the orders
are counted all, in one pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from senex.domain.parts import FRESH
from senex.store.queries import read_accounts
from senex.store.query_text import STATE
from senex.store.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from psycopg import AsyncCursor

    from senex.ports.views import AccountView


@dataclass(frozen=True, slots=True)
class Figure:
    """One sample."""

    name: str
    labels: tuple[str, ...]
    value: float


# what is of no account is the streamer's word: it ages with its heartbeat, and without one it is none
_FIGURES = f"""
WITH undone AS (
    SELECT o.queue, o.created_at, {STATE} AS state FROM outbox o LEFT JOIN account a ON a.id = o.account_id
    WHERE o.done_at IS NULL AND NOT coalesce(a.closed, false)),
recent AS (
    SELECT job, greatest(extract(epoch FROM done_at - created_at), 0)::double precision AS took FROM outbox
    WHERE id > (SELECT coalesce(max(id), 0) - 2000 FROM outbox)
        AND done_at > clock_timestamp() - interval '10 minutes' AND error IS NULL),
streamer AS (
    SELECT greatest(extract(epoch FROM clock_timestamp() - max(beat_at)), 0)::double precision AS still FROM heartbeat
    WHERE name = 'streamer' AND detail <> 'standby'),
stood AS (SELECT status, count(*) AS n FROM trade_order GROUP BY status),
sizes AS (
    SELECT coalesce(pg_partition_root(relid), relid)::regclass::text AS name,
        sum(pg_total_relation_size(relid))::double precision AS bytes, sum(n_live_tup)::double precision AS rows
    FROM pg_stat_user_tables GROUP BY 1)
SELECT 'senex_work' AS name, ARRAY[q, s] AS labels,
    (SELECT count(*) FROM undone u WHERE u.queue = q AND u.state = s)::double precision AS value
FROM unnest(ARRAY['trading', 'accounts', 'default', 'streamer']) q, unnest(ARRAY['waiting', 'running', 'failing']) s
UNION ALL SELECT 'senex_work_oldest_seconds', ARRAY[q],
    coalesce((SELECT extract(epoch FROM clock_timestamp() - min(created_at)) FROM undone u WHERE u.queue = q), 0)
FROM unnest(ARRAY['trading', 'accounts', 'default', 'streamer']) q
UNION ALL SELECT 'senex_work_seconds', ARRAY[job, share::text],
    percentile_disc(share) WITHIN GROUP (ORDER BY took)
FROM recent, unnest(ARRAY[0.5, 0.95, 1.0]) share GROUP BY job, share
UNION ALL SELECT 'senex_work_done_recently', ARRAY[job], count(*) FROM recent GROUP BY job
UNION ALL SELECT 'senex_job_last_done_seconds', ARRAY[s.name], extract(epoch FROM clock_timestamp() - d.done_at)
FROM job_schedule s CROSS JOIN LATERAL (
    SELECT done_at FROM outbox o WHERE o.job = s.name AND o.done_at IS NOT NULL AND o.error IS NULL
    ORDER BY o.id DESC LIMIT 1) d
UNION ALL SELECT 'senex_orders', ARRAY[status], n FROM stood
UNION ALL SELECT 'senex_unknown_orders', ARRAY[]::text[], coalesce((SELECT n FROM stood WHERE status = 'unknown'), 0)
UNION ALL SELECT 'senex_alarms', ARRAY[code, severity], count(*) FROM alarm WHERE resolved_at IS NULL
    GROUP BY code, severity
UNION ALL SELECT 'senex_source_ok', ARRAY[source],
    CASE WHEN bool_and(subject = '') AND (still > {FRESH}) IS NOT FALSE THEN 0 ELSE min(ok::integer) END
FROM source_status, streamer GROUP BY source, still
UNION ALL SELECT metric, labels, (figures ->> figure)::double precision + coalesce(since * still, 0)
FROM streamer, source_status JOIN (VALUES
    ('quotes', 'age_seconds', 'senex_stream_age_seconds', ARRAY['quotes'], 1),
    ('quotes', 'symbols', 'senex_stream_symbols', ARRAY[]::text[], NULL),
    ('quotes', 'budget', 'senex_stream_symbols_limit', ARRAY[]::text[], NULL),
    ('quotes', 'leases_refused', 'senex_stream_leases_refused', ARRAY[]::text[], NULL),
    ('quotes', 'quarantined', 'senex_stream_quarantined', ARRAY[]::text[], NULL),
    ('token', 'valid_seconds', 'senex_token_seconds', ARRAY[]::text[], -1)
) told (source, figure, metric, labels, since) USING (source)
WHERE figures ? figure AND (since IS NULL OR still IS NOT NULL)
UNION ALL SELECT 'senex_heartbeat_age_seconds', ARRAY[name, instance],
    greatest(extract(epoch FROM clock_timestamp() - beat_at), 0)
FROM heartbeat
UNION ALL SELECT metric, ARRAY[name, instance, host], used
FROM heartbeat, LATERAL (VALUES
    ('senex_process_cpu_seconds', cpu_seconds), ('senex_process_resident_bytes', resident_bytes)
) told (metric, used)
WHERE used IS NOT NULL AND beat_at > clock_timestamp() - interval '10 seconds'
UNION ALL SELECT 'senex_database_connections', ARRAY[application_name, coalesce(state, '')], count(*)
FROM pg_stat_activity WHERE datname = current_database() GROUP BY application_name, state
UNION ALL SELECT 'senex_database_connections_limit', ARRAY[]::text[], current_setting('max_connections')::integer
UNION ALL SELECT 'senex_table_bytes', ARRAY[name], bytes FROM sizes
UNION ALL SELECT 'senex_table_rows', ARRAY[name], rows FROM sizes
"""  # noqa: S608  only constants are put in


class Metrics:
    """Reads all figures; one connection that comes back by itself."""

    def __init__(self, url: str) -> None:
        self._session = Session(url, name="exporter", read_only=True, checked=True)

    async def read(self, now: datetime | None) -> list[Figure]:
        """The figures, those of accounts at market time ``now`` unless it is not known.

        Raises:
            Unavailable: ``E_POSTGRES_AWAY``.
            UsageProblem: ``E_DATABASE_SCHEMA``, ``E_DATABASE_NEWER`` or ``E_DATABASE_ROLE``.
        """

        async def read(cursor: AsyncCursor[Any]) -> list[Figure]:
            await cursor.execute(_FIGURES.encode())
            figures = [
                Figure(row.name, tuple(row.labels), float(row.value)) for row in await cursor.fetchall()
            ]
            if now is not None:
                for account in await read_accounts(cursor, now):
                    figures += _of_account(account)
            return figures

        return await self._session.run(read)

    async def close(self) -> None:
        """Let go of the connection."""
        await self._session.close()


def _of_account(account: AccountView) -> Iterator[Figure]:
    """Risk and state of an account, named by its id: its number is nobody's business."""
    name = str(account.id)
    yield Figure("senex_account_ready", (name,), float(account.ready))
    yield Figure("senex_account_state", (name, account.trading_state), 1.0)
    for figure in ("net_liquidation", "open_risk", "risk_budget"):
        value = getattr(account, figure)
        if value is not None:
            yield Figure(f"senex_account_{figure}_dollars", (name,), float(value))
