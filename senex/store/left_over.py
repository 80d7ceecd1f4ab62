"""Failing work of a scheduled job is left to its newest slot, or run by hand: that would do the same.

So an outage heaps up nothing, nor does a paused job that is run by hand again and again.
"""

from __future__ import annotations

_SAID = "left to a later run: "


def leave(*, made: str, job: str) -> str:
    """The statement after which rows that were just ``made`` have taken over what fails of their job and account.

    Both are SQL, in whose parameters its callers differ. How often it has failed goes on counting, and since when.
    """
    return f"""
WITH made AS (SELECT id, account_id FROM outbox WHERE {made}),
left_over AS (
    UPDATE outbox SET done_at = clock_timestamp(), error = '{_SAID}' || error
    FROM made WHERE outbox.account_id = made.account_id AND outbox.job = {job} AND outbox.id < made.id
        AND outbox.done_at IS NULL AND outbox.error IS NOT NULL
        AND (starts_with(outbox.dedupe_key, 'slot:') OR starts_with(outbox.dedupe_key, 'run:'))
    RETURNING made.id, outbox.offers, outbox.error, outbox.created_at)
UPDATE outbox SET offers = said.offers, error = said.error, created_at = said.since
FROM (SELECT id, max(offers) AS offers, max(replace(error, '{_SAID}', '')) AS error,
    min(created_at) AS since FROM left_over GROUP BY id) said
WHERE outbox.id = said.id
"""  # noqa: S608  only constants are put in
