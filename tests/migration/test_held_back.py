"""Which accounts an upgrade lets trade again: those that it alone has stopped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest

from senex.domain.errors import Unavailable
from senex.domain.orders import AttemptStatus
from senex.store.upgrade import Drained, draining

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any
    from uuid import UUID

    Connection = psycopg.Connection[tuple[Any, ...]]

NOW = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
DRAINED = "upgrade to 0099"
BY_UPGRADE = "senex upgrade"


@pytest.fixture
def connection(owner_url: str) -> Iterator[Connection]:
    with psycopg.connect(owner_url, autocommit=True) as found:
        yield found


def account(connection: Connection, state: str, reason: str) -> UUID:
    """An account whose number is A1, in a state."""
    key = uuid4()
    connection.execute(
        """INSERT INTO account (id, broker, environment, number, nickname, margin_or_cash, option_level, closed,
                                closing_only, risk_preset, created_at, updated_at)
           VALUES (%s, 'tastytrade', 'simulated', 'A1', '', 'Margin', 'all', false, false, 'moderate', %s, %s)""",
        (key, NOW, NOW),
    )
    connection.execute(
        "INSERT INTO trading_state VALUES (%s, %s, 3, %s, 'trader', %s)", (key, state, reason, NOW)
    )
    return key


def decided(connection: Connection, of: UUID, terminal: str, reason: str, seconds: int = 0) -> None:
    """A state that was decided and set."""
    key, at = uuid4(), NOW + timedelta(seconds=seconds)
    connection.execute(
        """INSERT INTO decision (id, account_id, kind, state, reason, operator, terminal, role, decided_at)
           VALUES (%s, %s, 'set_state', 'reduce_only', %s, 'trader', %s, 'trader', %s)""",
        (key, of, reason, terminal, at),
    )
    connection.execute(
        "INSERT INTO decision_result (decision_id, outcome, code, message, at) VALUES (%s, 'done', 'OK', '', %s)",
        (key, at),
    )


def alarm(connection: Connection, of: UUID | None, severity: str, seconds: int) -> None:
    connection.execute(
        """INSERT INTO alarm (id, account_id, code, severity, object_type, object_id, text, raised_at)
           VALUES (%s, %s, 'DAILY_LOSS', %s, 'day', '', '', %s)""",
        (uuid4(), of, severity, NOW + timedelta(seconds=seconds)),
    )


def sends(connection: Connection, of: UUID) -> None:
    """An order of the account that is on its way."""
    position, order, attempt = uuid4(), uuid4(), uuid4()
    connection.execute("INSERT INTO readiness VALUES (%s, true, 3, '', %s)", (of, NOW))
    connection.execute(
        """INSERT INTO position (id, account_id, origin, strategy, underlying, expiry, units, status, tick,
                                 time_exit_dte, stop_alert_share, stop_order_share, created_at)
           VALUES (%s, %s, 'manual', '', 'SPY', '2026-04-17', 1, 'pending_entry', 0.01, 7, 0.5, 0.75, %s)""",
        (position, of, NOW),
    )
    connection.execute(
        """INSERT INTO trade_order (id, account_id, origin, kind, position_id, generation, underlying, time_in_force,
                                    limit_price, status, created_at, updated_at)
           VALUES (%s, %s, 'manual', 'entry', %s, 0, 'SPY', 'Day', 1.23, 'intended', %s, %s)""",
        (order, of, position, NOW, NOW),
    )
    connection.execute(
        """INSERT INTO attempt (id, account_id, order_id, number, external_identifier, status, body_hash, prepared_at)
           VALUES (%s, %s, %s, 1, 'x', %s, '', %s)""",
        (attempt, of, order, AttemptStatus.SENDING, NOW),
    )


def held(owner_url: str) -> tuple[tuple[str, ...], bool]:
    with draining(owner_url, patience=0) as hold:
        return hold.held_back(), hold.may_resume("A1")


def test_what_the_upgrade_stopped_is_let_go(connection: Connection, owner_url: str) -> None:
    decided(connection, account(connection, "reduce_only", DRAINED), BY_UPGRADE, DRAINED)
    assert held(owner_url) == (("A1",), True)


def test_an_operators_state_stays_whatever_its_reason(connection: Connection, owner_url: str) -> None:
    decided(connection, account(connection, "reduce_only", DRAINED), "pts/1", DRAINED)
    assert held(owner_url) == ((), False)


@pytest.mark.parametrize(
    ("state", "reason"), [("reduce_only", "the daily loss"), ("halted", DRAINED), ("active", "")]
)
def test_a_state_that_came_after_stays(
    connection: Connection, owner_url: str, state: str, reason: str
) -> None:
    decided(connection, account(connection, state, reason), BY_UPGRADE, DRAINED)
    assert held(owner_url) == ((), False)


def test_an_operators_word_after_it_stays(connection: Connection, owner_url: str) -> None:
    of = account(connection, "reduce_only", DRAINED)
    decided(connection, of, BY_UPGRADE, DRAINED)
    decided(connection, of, "pts/1", DRAINED, seconds=1)
    assert held(owner_url) == ((), False)


def test_a_critical_alarm_of_the_meantime_is_a_stop(connection: Connection, owner_url: str) -> None:
    of = account(connection, "reduce_only", DRAINED)
    decided(connection, of, BY_UPGRADE, DRAINED)
    alarm(connection, of, "warning", 1)
    assert held(owner_url) == (("A1",), True)
    alarm(connection, None, "critical", 1)  # the machine's, which is looked at again and again
    assert held(owner_url) == (("A1",), True)
    connection.execute(
        "UPDATE alarm SET severity = 'critical', account_id = %s WHERE severity = 'warning'", (of,)
    )
    assert held(owner_url) == (("A1",), False)


def test_one_upgrade_at_a_time(owner_url: str) -> None:
    with (
        draining(owner_url, patience=0),
        pytest.raises(Unavailable, match="E_UPGRADE_BUSY"),
        draining(owner_url, patience=0),
    ):
        pass


def test_work_under_way_is_waited_for_and_said(connection: Connection, owner_url: str) -> None:
    of = account(connection, "active", "")
    connection.execute(
        "INSERT INTO outbox (account_id, queue, job, subject) VALUES (%s, 'trading', 'j', 's')", (of,)
    )
    with draining(owner_url, patience=0) as hold:
        assert hold.under_way() == Drained(0, 1)
        with pytest.raises(Unavailable, match="E_UPGRADE_DRAIN"):
            hold.settle()
        sends(connection, of)
        connection.execute("UPDATE outbox SET done_at = clock_timestamp()")
        assert hold.under_way() == Drained(1, 0)
        with pytest.raises(Unavailable, match="E_UPGRADE_DRAIN"):
            hold.settle()
        connection.execute("UPDATE attempt SET status = 'unknown'")
        hold.settle()


def test_a_daemon_that_does_not_answer_stops_it(connection: Connection, owner_url: str) -> None:
    account(connection, "active", "")
    with draining(owner_url, patience=0) as hold, pytest.raises(Unavailable, match="E_DAEMON_SILENT"):
        hold.stop_entries("trader", NOW, "0099")
