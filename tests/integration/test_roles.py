"""What Postgres itself lets the console and the daemon do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege, RestrictViolation

from tests.servers import BACKUP, login_url
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daemon.embedded import Endpoints

    Connection = psycopg.Connection[tuple[Any, ...]]

NOW = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
HIDDEN = ("broker_login", "broker_message", "deployment")
HIDDEN_COLUMNS = (("operator", "verifier"), ("decision", "proof"), ("outbox", "dedupe_key"))
APPEND_ONLY = ("audit", "broker_message", "decision", "decision_result", "fill")


@pytest.fixture
def owner(owner_url: str) -> Iterator[Connection]:
    with psycopg.connect(owner_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def console(console_url: str) -> Iterator[Connection]:
    with psycopg.connect(console_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def daemon(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def backup(embedded: Endpoints, database: str) -> Iterator[Connection]:
    with psycopg.connect(login_url(embedded, BACKUP, database), autocommit=True) as connection:
        yield connection


@pytest.fixture
def account(owner: Connection) -> UUID:
    """An account, with what a decision and a fill need to hang on."""
    account = uuid4()
    owner.execute(
        "INSERT INTO account (id, broker, environment, number, nickname, margin_or_cash, option_level, closed, "
        "closing_only, risk_preset, created_at, updated_at) "
        "VALUES (%s, 'tastytrade', 'simulated', '5SX1', '', 'Margin', 'all', false, false, 'moderate', %s, %s)",
        (account, NOW, NOW),
    )
    return account


def decide(connection: Connection, account: UUID, *, kind: str = "sync", role: str = "trader") -> UUID:
    decision = uuid4()
    connection.execute(
        "INSERT INTO decision (id, account_id, kind, operator, terminal, role, decided_at) "
        "VALUES (%s, %s, %s, 'trader', 'here', %s, %s)",
        (decision, account, kind, role, NOW),
    )
    return decision


def tables(connection: Connection) -> list[str]:
    rows = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
    )
    return [row[0] for row in rows]


def has(connection: Connection, table: str, right: str) -> bool:
    row = connection.execute("SELECT has_table_privilege(%s, %s)", (table, right)).fetchone()
    assert row
    return bool(row[0])


@pytest.mark.parametrize(
    ("kind", "queue"), [("sync", "accounts"), ("suggest", "default"), ("set_state", "trading")]
)
def test_a_consoles_decision_becomes_work_and_wakes_the_relay(
    owner: Connection, console: Connection, daemon: Connection, account: UUID, kind: str, queue: str
) -> None:
    daemon.execute("LISTEN outbox")

    decision = decide(console, account, kind=kind)

    assert owner.execute("SELECT queue, job, subject, account_id FROM outbox").fetchall() == [
        (queue, "decide", str(decision), account)
    ]
    assert [notice.channel for notice in daemon.notifies(timeout=PATIENCE, stop_after=1)] == ["outbox"]


def test_the_console_hears_of_an_answer(console: Connection, daemon: Connection, account: UUID) -> None:
    decision = decide(console, account)
    console.execute("LISTEN decision_result")

    daemon.execute(
        "INSERT INTO decision_result (decision_id, outcome, code, message, at) VALUES (%s, 'done', 'OK', '', %s)",
        (decision, NOW),
    )

    assert [notice.payload for notice in console.notifies(timeout=PATIENCE, stop_after=1)] == [str(decision)]


def test_the_console_may_insert_decisions_and_change_nothing(console: Connection) -> None:
    found = {
        (table, right)
        for table in tables(console)
        for right in ("INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
        if has(console, table, right)
    }

    assert found == {("decision", "INSERT")}


def test_the_console_reads_no_secret_no_proof_and_no_raw_message(console: Connection) -> None:
    for table in HIDDEN:
        with pytest.raises(InsufficientPrivilege):
            console.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))
    for table, column in HIDDEN_COLUMNS:
        with pytest.raises(InsufficientPrivilege):
            console.execute(
                sql.SQL("SELECT {} FROM {}").format(sql.Identifier(column), sql.Identifier(table))
            )
    console.execute("SELECT name, role, salt FROM operator")


def test_the_daemon_reads_every_table_there_is(daemon: Connection) -> None:
    parents = {row[0] for row in daemon.execute("SELECT relname FROM pg_class WHERE relispartition")}

    assert not [
        table for table in tables(daemon) if table not in parents and not has(daemon, table, "SELECT")
    ]


def test_no_partition_can_be_reached_past_its_parent(console: Connection, daemon: Connection) -> None:
    parts = [
        row[0]
        for row in console.execute("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'")
    ]
    assert parts
    for connection in (console, daemon):
        assert not [
            part
            for part in parts
            for right in ("SELECT", "INSERT", "UPDATE", "DELETE")
            if has(connection, part, right)
        ]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id int)",
        "INSERT INTO outbox (queue, job, subject) VALUES ('trading', 'execute', '')",
        "SELECT make_month('audit', '2030-01-01')",
        "UPDATE alembic_version SET version_num = '9'",
    ],
)
def test_the_console_cannot_get_round_it(console: Connection, statement: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        console.execute(statement.encode())


def test_a_console_cannot_decide_as_a_policy_but_the_daemon_can(
    console: Connection, daemon: Connection, account: UUID
) -> None:
    with pytest.raises(InsufficientPrivilege):
        decide(console, account, role="policy")

    decide(daemon, account, role="policy")


def test_a_passphrase_is_known_without_being_shown(owner: Connection, console: Connection) -> None:
    owner.execute("UPDATE operator SET salt = 'salt', verifier = 'right' WHERE name = 'trader'")
    owner.execute("INSERT INTO operator (name, role) VALUES ('new', 'trader')")

    def knows(name: str, verifier: bytes) -> bool:
        row = console.execute("SELECT operator_knows(%s, %s)", (name, verifier)).fetchone()
        assert row
        return bool(row[0])

    assert knows("trader", b"right")
    assert not knows("trader", b"wrong")
    assert not knows("new", b"right")
    assert not knows("nobody", b"right")


def test_the_daemon_cannot_rewrite_history_nor_change_the_schema(daemon: Connection) -> None:
    assert not [
        (table, right)
        for table in APPEND_ONLY
        for right in ("UPDATE", "DELETE", "TRUNCATE")
        if has(daemon, table, right)
    ]
    for statement in (
        b"CREATE TABLE mine (id int)",
        b"ALTER TABLE decision DISABLE TRIGGER ALL",
        b"UPDATE deployment SET namespace = gen_random_uuid()",
        b"UPDATE operator SET role = 'trader'",
        b"DELETE FROM market_session",
    ):
        with pytest.raises(InsufficientPrivilege):
            daemon.execute(statement)


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_not_even_the_owner_changes_what_happened_unawares(
    owner: Connection, account: UUID, table: str
) -> None:
    fill_in(owner, account)
    name = sql.Identifier(table)
    key = sql.SQL("outcome = 'failed'" if table == "decision_result" else "account_id = NULL")

    with pytest.raises(RestrictViolation):
        owner.execute(sql.SQL("UPDATE {} SET {}").format(name, key))
    with pytest.raises(RestrictViolation):
        owner.execute(sql.SQL("DELETE FROM {}").format(name))
    with pytest.raises(RestrictViolation):
        owner.execute(sql.SQL("TRUNCATE {} CASCADE").format(name))


def test_a_partition_protects_its_rows_too(owner: Connection, account: UUID) -> None:
    fill_in(owner, account)
    parts = owner.execute("SELECT DISTINCT tableoid::regclass::text FROM audit").fetchall()
    for (part,) in parts:
        with pytest.raises(RestrictViolation):
            owner.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(part)))


def test_a_month_nobody_made_is_kept_and_moves_once_it_is_made(
    owner: Connection, daemon: Connection, account: UUID
) -> None:
    fill_in(owner, account)
    where = "SELECT tableoid::regclass::text, count(*) FROM audit GROUP BY 1"
    assert owner.execute(where.encode()).fetchall() == [("audit_other", 1)]

    made = [daemon.execute("SELECT make_month('audit', '2026-03-17')").fetchone() for _ in range(2)]

    assert made == [(True,), (False,)]
    assert owner.execute(where.encode()).fetchall() == [("audit_2026_03", 1)]
    with pytest.raises(RestrictViolation):
        owner.execute("DELETE FROM audit_2026_03")
    with pytest.raises(RestrictViolation):
        owner.execute("UPDATE audit SET why = 'other'")


def fill_in(owner: Connection, account: UUID) -> None:
    """One row in every table that keeps what happened."""
    decision, position, order = decide(owner, account), uuid4(), uuid4()
    owner.execute(
        "INSERT INTO decision_result (decision_id, outcome, code, message, at) VALUES (%s, 'done', 'OK', '', %s)",
        (decision, NOW),
    )
    owner.execute(
        "INSERT INTO audit (id, at, account_id, actor, action, object_type, object_id, why) "
        "VALUES (%s, %s, %s, '', '', '', '', '')",
        (uuid4(), NOW, account),
    )
    owner.execute(
        "INSERT INTO broker_message (id, at, account_id, source, method, path, body) "
        "VALUES (%s, %s, %s, 'rest', 'GET', '/', '')",
        (uuid4(), NOW, account),
    )
    owner.execute(
        "INSERT INTO instrument (symbol, instrument_type, streamer_symbol, underlying, multiplier) "
        "VALUES ('QQQ', 'Equity', 'QQQ', 'QQQ', 1)"
    )
    owner.execute(
        "INSERT INTO position (id, account_id, origin, strategy, underlying, expiry, units, status, tick, "
        "time_exit_dte, stop_alert_share, stop_order_share, created_at) "
        "VALUES (%s, %s, 'manual', '', 'QQQ', '2026-04-17', 1, 'open_full', 0.01, 7, 0.5, 0.75, %s)",
        (position, account, NOW),
    )
    owner.execute(
        "INSERT INTO trade_order (id, account_id, origin, kind, position_id, generation, underlying, time_in_force, "
        "limit_price, status, created_at, updated_at) "
        "VALUES (%s, %s, 'manual', 'entry', %s, 0, 'QQQ', 'Day', 1, 'filled', %s, %s)",
        (order, account, position, NOW, NOW),
    )
    owner.execute(
        "INSERT INTO fill (account_id, order_id, symbol, fill_id, quantity, price, filled_at, source) "
        "VALUES (%s, %s, 'QQQ', 'f1', 1, 1, %s, 'rest')",
        (account, order, NOW),
    )


def test_the_backup_reads_everything_and_changes_nothing(backup: Connection, daemon: Connection) -> None:
    daemon.execute("SELECT make_month('audit', '2033-05-01')")  # one made later is read as well
    everything = tables(backup)

    assert "audit_2033_05" in everything
    assert not [table for table in everything if not has(backup, table, "SELECT")]
    rights = ("INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
    assert not [(table, right) for table in everything for right in rights if has(backup, table, right)]
    sequences = backup.execute("SELECT oid::regclass::text FROM pg_class WHERE relkind = 'S'").fetchall()
    assert sequences
    for (sequence,) in sequences:
        backup.execute(sql.SQL("SELECT last_value FROM {}").format(sql.SQL(sequence)))


MUST_NOT = {
    "console": (
        "CREATE TABLE mine (id int)",
        "CREATE ROLE mine",
        "ALTER ROLE senex_console_login SUPERUSER",
        "ALTER ROLE senex_daemon_login PASSWORD 'x'",
        "GRANT senex_daemon TO senex_console_login",
        "SET ROLE senex_daemon",
        "SET ROLE senex_user",
        "SELECT refresh_token FROM broker_login",
        "SELECT verifier FROM operator",
        "UPDATE trading_state SET state = 'active'",
        "DELETE FROM decision",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY decision TO PROGRAM 'true'",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'senex_user'",
    ),
    "daemon": (
        "CREATE TABLE mine (id int)",
        "CREATE ROLE mine",
        "ALTER ROLE senex_console_login PASSWORD 'x'",
        "GRANT senex_daemon TO senex_console_login",
        "SET ROLE senex_user",
        "UPDATE operator SET verifier = NULL",
        "DELETE FROM audit",
        "UPDATE fill SET price = 0",
        "DELETE FROM trade_order",
        "DROP TABLE audit",
        "COPY outbox TO PROGRAM 'true'",
    ),
    "backup": (
        "CREATE TABLE mine (id int)",
        "CREATE ROLE mine",
        "SET ROLE senex_daemon",
        "INSERT INTO decision DEFAULT VALUES",
        "UPDATE broker_login SET updated_at = now()",
        "SELECT make_month('audit', '2030-01-01')",
        "SELECT nextval('audit_serial')",
        "COPY outbox TO PROGRAM 'true'",
    ),
    "owner": (
        "CREATE ROLE mine SUPERUSER",
        "ALTER ROLE postgres PASSWORD 'x'",
        "SET ROLE senex_daemon_login",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY outbox TO PROGRAM 'true'",
    ),
}


@pytest.mark.parametrize("who", MUST_NOT)
def test_a_role_is_refused_what_it_must_not(
    request: pytest.FixtureRequest, owner: Connection, account: UUID, who: str
) -> None:
    connection: Connection = request.getfixturevalue(who)
    fill_in(owner, account)
    for statement in MUST_NOT[who]:
        with pytest.raises(InsufficientPrivilege):
            connection.execute(statement.encode())
