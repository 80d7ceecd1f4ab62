"""A schema without roles, for tests of what consoles read and decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from machinery_support import make_schema

from senex.testing import market

if TYPE_CHECKING:
    from daemon.embedded import Endpoints

_TRIGGER = """
CREATE FUNCTION decided() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO outbox (account_id, queue, job, subject) VALUES (NEW.account_id, 'trading', 'decide', NEW.id);
    RETURN NULL; END $$;
CREATE TRIGGER decided AFTER INSERT ON decision FOR EACH ROW EXECUTE FUNCTION decided();
CREATE FUNCTION operator_knows(who text, given bytea) RETURNS boolean LANGUAGE sql AS
    'SELECT coalesce((SELECT verifier = given FROM operator WHERE name = who), false)'
"""


@pytest.fixture
def database_url(embedded: Endpoints, database: str) -> str:
    """The test's own database with tables, calendar and the trigger that makes decisions work."""
    url = embedded.postgres.superuser_url(database)
    make_schema(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE audit_rest PARTITION OF audit DEFAULT")
        connection.execute("CREATE TABLE broker_message_rest PARTITION OF broker_message DEFAULT")
        connection.execute(_TRIGGER)
        connection.execute("INSERT INTO deployment (id, namespace) VALUES (1, gen_random_uuid())")
        connection.cursor().executemany(
            "INSERT INTO market_session (day, opens_at, closes_at) VALUES (%s, %s, %s)",
            [(session.day, session.opens, session.closes) for session in market.calendar().sessions],
        )
    return url
