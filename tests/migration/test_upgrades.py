"""From every schema there ever was, with data in it; the version before on the new schema; what is half done."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql as text
from sqlalchemy.engine import make_url

from senex.domain.errors import Unavailable, UsageProblem
from senex.store.migrate import bootstrap, migrate, status
from senex.store.queries import Reads
from senex.store.schema import OLDEST, shipped, wait_for_schema
from senex.store.upgrade import Drained, draining
from tests.versions import revisions, to
from tests.waiting import eventually

if TYPE_CHECKING:
    from daemon.embedded import Endpoints

    Connection = psycopg.Connection[tuple[Any, ...]]

NOW = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)


def rows() -> list[tuple[str, dict[str, object]]]:
    """An account with a position, an order of it that filled, and who decided so."""
    account, decision, position, order = (uuid4() for _ in range(4))
    symbol = f"S{account.hex[:8]}"
    return [
        ("account", {
            "id": account, "broker": "tastytrade", "environment": "simulated", "number": account.hex[:8],
            "nickname": "", "margin_or_cash": "Margin", "option_level": "all", "closed": False,
            "closing_only": False, "risk_preset": "moderate", "created_at": NOW, "updated_at": NOW,
        }),
        ("trading_state", {
            "account_id": account, "state": "active", "epoch": 3, "reason": "", "set_by": "", "set_at": NOW,
        }),
        ("decision", {
            "id": decision, "account_id": account, "kind": "sync", "operator": "trader", "terminal": "here",
            "role": "trader", "decided_at": NOW,
        }),
        ("decision_result", {"decision_id": decision, "outcome": "done", "code": "OK", "message": "", "at": NOW}),
        ("instrument", {
            "symbol": symbol, "instrument_type": "Equity", "streamer_symbol": symbol, "underlying": symbol,
            "multiplier": 1,
        }),
        ("position", {
            "id": position, "account_id": account, "origin": "manual", "strategy": "", "underlying": symbol,
            "expiry": "2026-04-17", "units": 1, "status": "open_full", "tick": "0.01", "time_exit_dte": 7,
            "stop_alert_share": "0.5", "stop_order_share": "0.75", "created_at": NOW,
        }),
        ("trade_order", {
            "id": order, "account_id": account, "origin": "manual", "kind": "entry", "position_id": position,
            "generation": 0, "underlying": symbol, "time_in_force": "Day", "limit_price": "1.23", "status": "filled",
            "created_at": NOW, "updated_at": NOW,
        }),
        ("fill", {
            "account_id": account, "order_id": order, "symbol": symbol, "fill_id": "f1", "quantity": 1,
            "price": "1.2345", "filled_at": NOW, "source": "rest",
        }),
        ("audit", {
            "id": uuid4(), "at": NOW, "account_id": account, "actor": "", "action": "", "object_type": "",
            "object_id": "", "why": "",
        }),
    ]  # fmt: skip


def columns(connection: Connection, table: str) -> set[str]:
    found = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s",
        (table,),
    )
    return {name for (name,) in found}


def put(connection: Connection, table: str, row: dict[str, object]) -> None:
    """Insert what of a row the table has at this revision."""
    known = {name: value for name, value in row.items() if name in columns(connection, table)}
    statement = text.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        text.Identifier(table),
        text.SQL(", ").join(map(text.Identifier, known)),
        text.SQL(", ").join(text.Placeholder() * len(known)),
    )
    connection.execute(statement, list(known.values()))


def kept(connection: Connection, table: str, row: dict[str, object]) -> tuple[Any, ...] | None:
    """What the table says of a row of ours, by the column that names it."""
    key = next(iter(row))
    names = [name for name in row if name in columns(connection, table)]
    statement = text.SQL("SELECT {} FROM {} WHERE {} = {}").format(
        text.SQL(", ").join(map(text.Identifier, names)),
        *map(text.Identifier, (table, key)),
        text.Placeholder(),
    )
    return connection.execute(statement, (row[key],)).fetchone()


def test_what_was_written_under_every_schema_is_there_under_the_newest(owner: str) -> None:
    bootstrap(owner)
    written: list[tuple[str, dict[str, object], tuple[Any, ...] | None]] = []
    with psycopg.connect(owner, autocommit=True) as connection:
        for revision in revisions():
            to(owner, revision)
            for table, row in rows():
                put(connection, table, row)
                written.append((table, row, kept(connection, table, row)))
            with draining(owner, patience=0) as hold:
                assert hold.held_back() == ()
                assert not hold.alive()
                assert hold.under_way() == Drained(0, 0)
                with pytest.raises(Unavailable, match="E_DAEMON_SILENT"):
                    hold.stop_entries("trader", NOW, "9999")
            connection.execute("UPDATE outbox SET done_at = created_at WHERE done_at IS NULL")

        assert migrate(owner, operator="trader") == shipped()[0]

        for table, row, before in written:
            assert before is not None
            assert kept(connection, table, row) == before, table
        [(orders,)] = connection.execute(
            "SELECT count(*) FROM trade_order WHERE status = 'filled'"
        ).fetchall()
    assert orders == len(revisions()) >= 21


@pytest.mark.parametrize(
    ("rule", "then"),
    [
        ("every 5 min 04:00-20:00 weekdays", "every 5 min 00:00-23:59 every"),
        ("daily 09:00 weekdays", "daily 09:00 weekdays"),
    ],
    ids=["as it was made", "the operator's"],
)
def test_the_machine_is_watched_every_day_unless_an_operator_said_when(
    owner: str, rule: str, then: str
) -> None:
    bootstrap(owner)
    to(owner, "0027")
    with psycopg.connect(owner, autocommit=True) as connection:
        values = ("watch_machine", rule, "trading", True, 300)
        connection.execute(
            "INSERT INTO job_schedule (name, rule, queue, enabled, grace_seconds) VALUES (%s, %s, %s, %s, %s)",
            values,
        )
        migrate(owner, operator="trader")
        found = connection.execute("SELECT rule FROM job_schedule WHERE name = 'watch_machine'").fetchone()
    assert found == (then,)


def shape(url: str) -> dict[tuple[str, str], tuple[str, bool]]:
    """Type, and whether a writer must name it, of every column."""
    query = """
        SELECT table_name, column_name, udt_name,
               is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'
        FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'"""
    with psycopg.connect(url) as connection:
        return {(table, column): (kind, needed) for table, column, kind, needed in connection.execute(query)}


def test_nothing_that_the_oldest_version_still_served_uses_is_taken_away(owner: str, owner_url: str) -> None:
    """Expand, then contract: what takes something away raises ``OLDEST``, once nobody uses it any more."""
    bootstrap(owner)
    to(owner, OLDEST)
    before, after = shape(owner), shape(owner_url)

    assert OLDEST in revisions()
    assert not {name for name in before if name not in after}
    assert not {name for name in before if after[name][0] != before[name][0]}
    demanded = {name for name, (_, needed) in after.items() if needed}
    tables = {table for table, _ in before}
    assert not {name for name in demanded if name[0] in tables and not before.get(name, ("", False))[1]}


async def test_the_version_before_runs_on_a_schema_that_only_expanded(
    console_url: str, owner_url: str
) -> None:
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")  # by a senex to come
        connection.execute("ALTER TABLE decision ADD COLUMN of_a_senex_to_come text")

    async with asyncio.timeout(30):
        await wait_for_schema(owner_url)
    reads = Reads(console_url)
    assert await reads.accounts(NOW) == ()
    await reads.close()
    with pytest.raises(UsageProblem, match="E_DATABASE_NEWER"):  # to migrate is another matter
        migrate(owner_url)


def test_a_version_nobody_can_read_is_said_and_nothing_is_done(owner_url: str) -> None:
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("INSERT INTO alembic_version VALUES ('0003')")

    with pytest.raises(UsageProblem) as refused:
        migrate(owner_url)

    assert refused.value.code == "E_DATABASE_HALF"
    with pytest.raises(UsageProblem, match="E_DATABASE_HALF"):
        status(owner_url)


def test_a_migration_that_is_cut_off_leaves_the_schema_before(owner: str, embedded: Endpoints) -> None:
    bootstrap(owner)
    to(owner, revisions()[-2])
    ended: list[BaseException] = []

    def run() -> None:
        try:
            migrate(owner, operator="trader")
        except BaseException as problem:  # noqa: BLE001 - looked at below
            ended.append(problem)

    with psycopg.connect(owner) as blocking:
        blocking.execute("LOCK TABLE broker_login, decision, outbox, job_schedule IN ACCESS EXCLUSIVE MODE")
        migrating = threading.Thread(target=run)
        migrating.start()
        with psycopg.connect(embedded.postgres.superuser_url(), autocommit=True) as home:
            cut = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                     WHERE datname = %s AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()"""
            name = (make_url(owner).database,)
            eventually(lambda: home.execute(cut, name).fetchone(), "the migration waits")
        migrating.join(60)

    assert isinstance(ended[0], Unavailable)
    assert ended[0].code == "E_POSTGRES_AWAY"
    assert status(owner)[0] == revisions()[-2]
    assert migrate(owner, operator="trader") == shipped()[0]
