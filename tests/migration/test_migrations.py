"""Migrations on real databases: the schema they make, twice, at once, beside another, refused."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlmodel import SQLModel

from senex.domain.errors import Unavailable, UsageProblem
from senex.domain.rules import parse_rule
from senex.store import tables
from senex.store.migrate import migrate, status
from senex.store.schema import shipped, wait_for_schema

if TYPE_CHECKING:
    from daemon.embedded import Endpoints

# what Postgres itself says of a schema, by name; partitions follow their parents
_FACTS = {
    "columns": """
        SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
               pg_get_expr(d.adbin, d.adrelid)
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
          AND a.attnum > 0 AND NOT a.attisdropped AND c.relname <> 'alembic_version'""",
    "constraints": """
        SELECT c.relname, k.conname, pg_get_constraintdef(k.oid)
        FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
        WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition AND c.relname <> 'alembic_version'""",
    "indexes": """
        SELECT c.relname, i.relname, pg_get_indexdef(i.oid)
        FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
        WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition AND c.relname <> 'alembic_version'""",
}


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def test_the_migrations_make_what_the_tables_say(owner_url: str, owner: str) -> None:
    engine = create_engine(owner.replace("postgresql://", "postgresql+psycopg://"))
    SQLModel.metadata.create_all(engine)
    engine.dispose()
    assert tables.Audit.__tablename__ in SQLModel.metadata.tables

    for kind, query in _FACTS.items():
        assert sorted(rows(owner_url, query), key=repr) == sorted(rows(owner, query), key=repr), kind


def test_alembic_finds_nothing_to_do(owner_url: str) -> None:
    def ours(name: str | None, kind: str, _parents: object) -> bool:
        return kind != "table" or name in SQLModel.metadata.tables

    engine = create_engine(owner_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True, "include_name": ours}
        )
        assert compare_metadata(context, SQLModel.metadata) == []
    engine.dispose()


def test_a_second_run_changes_nothing(owner_url: str) -> None:
    counts = "SELECT (SELECT namespace FROM deployment), (SELECT count(*) FROM market_session)"
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("UPDATE job_schedule SET enabled = false WHERE name = 'sync_positions'")
        connection.execute("UPDATE operator SET role = 'viewer' WHERE name = 'trader'")
    before = rows(owner_url, counts)

    assert migrate(owner_url, operator="trader") == shipped()[0]

    assert rows(owner_url, counts) == before
    assert rows(owner_url, "SELECT name FROM job_schedule WHERE NOT enabled") == [("sync_positions",)]
    assert rows(owner_url, "SELECT name, role FROM operator") == [("trader", "viewer")]


def test_a_second_database_of_the_cluster_by_two_at_once(
    embedded: Endpoints, template_database: str, owner: str
) -> None:
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda name: migrate(owner, operator=name), ("one", "two")))

    newest = shipped()[0]
    assert done == [newest, newest]
    assert status(owner) == (newest, newest)
    assert rows(owner, "SELECT count(*) FROM deployment") == [(1,)]
    assert {name for (name,) in rows(owner, "SELECT name FROM operator")} == {"one", "two"}
    with psycopg.connect(owner) as connection:
        database = connection.info.dbname
    console = embedded.postgres.url(
        user="senex_console_login", password="senex_console_login password", database=database
    )
    assert rows(console, "SELECT count(*) FROM decision") == [(0,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        rows(console, "CREATE TEMP TABLE mine (id int)")


def test_every_rule_of_the_first_schedule_can_be_read(owner_url: str) -> None:
    rules = rows(owner_url, "SELECT rule FROM job_schedule")
    assert rules
    for (rule,) in rules:
        parse_rule(rule)


def test_the_calendar_and_the_months_are_there(owner_url: str, template_database: str) -> None:
    [(sessions, first, last)] = rows(owner_url, "SELECT count(*), min(day), max(day) FROM market_session")
    assert (sessions, first, last) == (4272, date(2015, 1, 2), date(2031, 12, 31))
    assert rows(
        owner_url,
        "SELECT to_regclass(parent || to_char(CURRENT_DATE, '_YYYY_MM')) IS NOT NULL "
        "FROM unnest(ARRAY['audit', 'broker_message']) AS parent",
    ) == [(True,), (True,)]


async def test_a_newer_database_is_refused_by_all(owner_url: str) -> None:
    rows_before = "SELECT count(*) FROM operator"
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.execute("COMMENT ON TABLE alembic_version IS 'runs senex from 9999'")

    with pytest.raises(UsageProblem, match="9999") as refused:
        await asyncio.to_thread(migrate, owner_url, operator="somebody")
    with pytest.raises(UsageProblem) as waiting:
        async with asyncio.timeout(30):
            await wait_for_schema(owner_url)

    assert (refused.value.code, waiting.value.code) == ("E_DATABASE_NEWER", "E_DATABASE_NEWER")
    assert rows(owner_url, rows_before) == [(1,)]
    assert status(owner_url)[0] == "9999"


async def test_a_service_waits_until_the_schema_is_there(owner: str) -> None:
    waiting = asyncio.create_task(wait_for_schema(owner))
    await asyncio.to_thread(migrate, owner, operator="trader")
    async with asyncio.timeout(30):
        await waiting


def test_a_migration_that_fails_leaves_nothing_behind(owner: str) -> None:
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute("CREATE TABLE fill (mine int)")

    with pytest.raises(UsageProblem) as refused:
        migrate(owner, operator="trader")

    assert refused.value.code == "E_DATABASE_FOREIGN"
    assert rows(owner, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == [("fill",)]
    assert status(owner)[0] is None


def test_another_than_the_owner_is_refused(database_url: str) -> None:
    with pytest.raises(UsageProblem) as refused:
        migrate(database_url, operator="trader")
    assert refused.value.code == "E_DATABASE_OWNER"


def test_no_postgres_is_said_to_be_away() -> None:
    with pytest.raises(Unavailable, match="E_POSTGRES_AWAY"):
        migrate("postgresql://senex@127.0.0.1:1/senex", operator="trader")
