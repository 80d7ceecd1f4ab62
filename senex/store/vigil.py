"""What says that books and broker are compared on time, read with plain SQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psycopg

from senex.store.direct import away

if TYPE_CHECKING:
    from senex.store.direct import AsyncConnection

_JOB = "reconcile_trades"
_BEATING = 15
_READ = """
SELECT s.rule, s.enabled, a.accounts, a.unready, a.reconciled_at,
    EXISTS (SELECT FROM heartbeat WHERE name = 'worker trading'
        AND beat_at > clock_timestamp() - make_interval(secs => %s)) AS working
FROM job_schedule s CROSS JOIN (
    SELECT count(*) AS accounts, count(*) FILTER (WHERE NOT coalesce(r.ready, false)) AS unready,
        CASE WHEN bool_and(r.reconciled_at IS NOT NULL) THEN min(r.reconciled_at) END AS reconciled_at
    FROM account a LEFT JOIN readiness r ON r.account_id = a.id
    WHERE a.environment = %s AND NOT a.closed) a
WHERE s.name = %s
"""


@dataclass(frozen=True, slots=True)
class Vigil:
    """``reconciled_at`` is of the account that was compared longest ago, None when one never was."""

    rule: str
    enabled: bool
    accounts: int
    unready: int
    reconciled_at: datetime | None
    working: bool


async def read_vigil(connection: AsyncConnection, environment: str) -> Vigil | None:
    """How it stands with the accounts of an environment; None when the job is not scheduled. Raises Unavailable."""
    try:
        row = await (await connection.execute(_READ, (_BEATING, environment, _JOB))).fetchone()
    except psycopg.OperationalError as problem:
        raise away(problem) from problem
    if row is None:
        return None
    rule, enabled, accounts, unready, at, working = row
    return Vigil(rule, enabled, accounts, unready, None if at is None else at.astimezone(UTC), working)
