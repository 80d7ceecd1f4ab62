"""What is forgotten, what stays for ever, and what the database itself refuses to forget."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import errors

from senex.domain.orders import OrderKind, OrderStatus
from tests.integration.test_use_cases import Desk, desk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection

__all__ = ["desk"]

_FOR_EVER = ("audit", "decision", "decision_result", "fill", "position", "ledger_entry", "audit_seal")


@pytest.fixture
def owner(owner_url: str) -> Iterator[Connection[tuple[Any, ...]]]:
    with psycopg.connect(owner_url, autocommit=True) as connection:
        yield connection


def _count(owner: Connection[tuple[Any, ...]], table: str, where: str = "true") -> int:
    row = owner.execute(f"SELECT count(*) FROM {table} WHERE {where}".encode()).fetchone()  # noqa: S608
    assert row
    return int(row[0])


async def _clean(desk: Desk, *jobs: str) -> None:
    """A day goes by in which something is journaled; then the jobs run."""
    async with desk.units() as tx:
        await tx.journal.note(
            "reconciled", actor="daemon", object_type="account", object_id="x", now=desk.clock.now()
        )
        await tx.commit()
    account = await desk.account()
    for job in jobs or ("cleanup_cancelled_trades", "cleanup_old_suggestions", "cleanup_old_work"):
        await desk.offer(job, account, account)
    await desk.drain()


async def _dead_target(desk: Desk) -> str:
    """A protected position one of whose targets was cancelled at the broker."""
    await desk.fill(await desk.approve(await desk.suggest()))
    target = (await desk.orders(OrderKind.TARGET))[0]
    assert target.broker_order_id is not None
    await desk.broker.cancel("", target.broker_order_id)
    await desk.alert(target.broker_order_id)
    assert (await desk.order(target.id)).status is OrderStatus.CANCELLED
    return str(target.id)


async def test_an_order_that_ended_without_a_fill_goes_after_ninety_days(
    desk: Desk, owner: Connection[tuple[Any, ...]]
) -> None:
    dead = await _dead_target(desk)
    kept = _count(owner, "trade_order")
    desk.clock.advance(timedelta(days=89))
    await _clean(desk, "cleanup_cancelled_trades")
    assert _count(owner, "trade_order", f"id = '{dead}'") == 1

    desk.clock.advance(timedelta(days=2))
    before = {table: _count(owner, table) for table in _FOR_EVER}
    await _clean(desk, "cleanup_cancelled_trades")
    assert _count(owner, "trade_order", f"id = '{dead}'") == 0
    assert _count(owner, "attempt", f"order_id = '{dead}'") == 0
    assert _count(owner, "order_leg", f"order_id = '{dead}'") == 0
    assert _count(owner, "trade_order") >= kept - 1
    assert _count(owner, "trade_order", "kind = 'entry' OR status = 'filled'") >= 1
    assert {table: _count(owner, table) for table in _FOR_EVER} == {
        **before,
        "audit": before["audit"] + 2,  # what was journaled, and how many were forgotten
    }
    desk.clock.advance(timedelta(days=1))
    await _clean(desk, "cleanup_cancelled_trades")  # again: nothing more
    assert _count(owner, "audit", "action = 'forgotten'") == 1


async def test_a_suggestion_nobody_decided_about_goes_and_its_answer_stays(
    desk: Desk, owner: Connection[tuple[Any, ...]]
) -> None:
    undecided = [await desk.suggest() for _ in range(3)]
    approved = await desk.suggest()
    await desk.fill(await desk.approve(approved))
    desk.clock.advance(timedelta(days=40))
    answers = _count(owner, "decision_result")
    await _clean(desk, "cleanup_old_suggestions")  # they expire now, and are older than they are kept
    left = {row[0] for row in owner.execute("SELECT id FROM suggestion")}
    assert left == {approved}
    assert not {*undecided} & left
    for child in ("suggestion_leg", "suggestion_reason", "suggestion_spread", "suggestion_breakeven"):
        assert _count(owner, child, f"suggestion_id <> '{approved}'") == 0
    assert _count(owner, "decision_result") == answers
    [note] = owner.execute("SELECT after FROM audit WHERE action = 'forgotten'").fetchall()
    assert note == ("3",)


async def test_done_work_and_its_slots_go_and_what_is_not_done_stays(
    desk: Desk, owner: Connection[tuple[Any, ...]]
) -> None:
    account = await desk.account()
    owner.execute(
        "INSERT INTO outbox (account_id, queue, job, subject, done_at) SELECT %s, 'default', 'old', n::text, "
        "clock_timestamp() - interval '31 days' FROM generate_series(1, 1200) n",
        (account,),
    )
    owner.execute(
        "INSERT INTO outbox (account_id, queue, job, subject, created_at, done_at) VALUES "
        "(%s, 'default', 'undone', '', clock_timestamp() - interval '1 year', NULL), "
        "(%s, 'default', 'slot', '', now(), clock_timestamp() - interval '31 days'), "
        "(%s, 'default', 'fresh', '', now(), clock_timestamp() - interval '29 days')",
        (account,) * 3,
    )
    owner.execute(
        "INSERT INTO job_slot (timeline, name, slot, outbox_id) "
        "SELECT 't', 'x', %s, id FROM outbox WHERE job IN ('old', 'slot') ORDER BY id DESC LIMIT 1",
        (desk.clock.now(),),
    )
    await desk.run(await desk.offer("cleanup_old_work", account, account))
    jobs = "SELECT job, count(*) FROM outbox WHERE job IN ('old', 'undone', 'slot', 'fresh') GROUP BY job"
    left = dict(owner.execute(jobs).fetchall())
    assert left == {"undone": 1, "slot": 1, "fresh": 1}

    desk.clock.advance(timedelta(days=31))  # the slot is as old now
    await desk.run(await desk.offer("cleanup_old_work", account, account))
    assert _count(owner, "job_slot") == 0
    assert _count(owner, "outbox", "job IN ('old', 'slot')") == 0


async def test_months_of_raw_messages_go_after_two_years(
    desk: Desk, owner: Connection[tuple[Any, ...]]
) -> None:
    now = desk.clock.now()
    for months in (30, 26, 22):
        day = (now - timedelta(days=30 * months)).date()
        owner.execute("SELECT make_month('broker_message', %s)", (day,))
        owner.execute(
            "INSERT INTO broker_message (id, at, source, method, path, body) "
            "VALUES (gen_random_uuid(), %s, 'rest', 'GET', '/', '')",
            (day,),
        )
    await _clean(desk, "cleanup_old_work")
    [(oldest, rows)] = owner.execute("SELECT min(at), count(*) FROM broker_message").fetchall()
    assert now - oldest < timedelta(days=690)
    assert rows >= 1
    assert _count(owner, "audit", "action = 'forgotten' AND object_id = 'months of raw messages'") == 1


async def test_a_journal_that_is_being_written_is_not_waited_for(
    desk: Desk, owner: Connection[tuple[Any, ...]], owner_url: str
) -> None:
    account = await desk.account()
    old = (desk.clock.now() - timedelta(days=900)).date()
    owner.execute("SELECT make_month('broker_message', %s)", (old,))
    await _clean(desk, "cleanup_old_suggestions")
    with psycopg.connect(owner_url) as writing:
        writing.execute("SELECT count(*) FROM broker_message")
        work = await desk.offer("cleanup_old_work", account, account)
        with pytest.raises(Exception, match="E_JOURNAL_BUSY"):
            await desk.run(work)
    await desk.run(work)
    assert _count(owner, "broker_message", f"at < '{old + timedelta(days=40)}'") == 0


def _say(owner: Connection[tuple[Any, ...]], at: datetime) -> None:
    """The broker says something."""
    owner.execute(
        "INSERT INTO broker_message (id, at, source, method, path, body) "
        "VALUES (gen_random_uuid(), %s, 'rest', 'GET', '/said', '')",
        (at,),
    )


def _parts(owner: Connection[tuple[Any, ...]]) -> dict[str, int]:
    """How many messages lie in each partition."""
    return dict(
        owner.execute(
            "SELECT tableoid::regclass::text, count(*) FROM broker_message WHERE path = '/said' GROUP BY 1"
        ).fetchall()
    )


async def test_months_without_a_restart_have_their_partitions_and_are_forgotten_at_their_age(
    desk: Desk, owner: Connection[tuple[Any, ...]]
) -> None:
    began, said = desk.clock.now(), dict[str, int]()
    while desk.clock.now() < began + timedelta(days=200):
        _say(owner, desk.clock.now())
        part = f"broker_message_{desk.clock.now():%Y_%m}"
        said[part] = said.get(part, 0) + 1
        await _clean(desk, "cleanup_old_work")
        desk.clock.advance(timedelta(days=8))
    assert _parts(owner) == said
    assert len(said) == 7
    assert _count(owner, "audit_other") == 0

    for part in sorted(said):
        month = datetime.strptime(part[-7:], "%Y_%m").replace(tzinfo=UTC)
        ends = (month + timedelta(days=31)).replace(day=1)
        desk.clock.advance(ends + timedelta(days=729) - desk.clock.now())
        await _clean(desk, "cleanup_old_work")
        assert _parts(owner) == said
        desk.clock.advance(timedelta(days=1))
        await _clean(desk, "cleanup_old_work")
        del said[part]
        assert _parts(owner) == said


async def test_messages_of_a_month_that_was_not_opened_go_at_their_age(
    desk: Desk, owner: Connection[tuple[Any, ...]]
) -> None:
    for day in ("2025-03-31", "2025-04-01", "2026-03-01"):
        _say(owner, datetime.fromisoformat(day).replace(tzinfo=UTC))
    before = _parts(owner)
    assert before == {"broker_message_other": 2, "broker_message_2026_03": 1}
    desk.clock.advance(datetime(2027, 3, 31, tzinfo=UTC) - desk.clock.now())
    await _clean(desk, "cleanup_old_work")
    assert _parts(owner) == before
    desk.clock.advance(timedelta(days=2))
    await _clean(desk, "cleanup_old_work")
    assert _parts(owner) == {"broker_message_other": 1, "broker_message_2026_03": 1}
    with pytest.raises(psycopg.errors.RestrictViolation):
        owner.execute("DELETE FROM broker_message")


async def test_a_month_is_opened_later_where_that_would_hold_up_others(
    desk: Desk, owner: Connection[tuple[Any, ...]], owner_url: str
) -> None:
    desk.clock.advance(timedelta(days=400))
    _say(owner, desk.clock.now())
    before = _parts(owner)
    with psycopg.connect(owner_url) as writing:
        _say(writing, desk.clock.now())
        await _clean(desk, "cleanup_old_work")
        assert _parts(owner) == before
    owner.execute("ALTER TABLE broker_message ADD CHECK (pg_sleep(60)::text IS NOT NULL) NOT VALID")
    await _clean(desk, "cleanup_old_work")  # it is stopped
    assert _parts(owner) == {"broker_message_other": 2}
    owner.execute("ALTER TABLE broker_message DROP CONSTRAINT broker_message_check")
    await _clean(desk, "cleanup_old_work")
    assert _parts(owner) == {f"broker_message_{desk.clock.now():%Y_%m}": 2}


@pytest.mark.parametrize(
    "call", ["forget_orders(%s, 10)", "forget_suggestions(%s, 10)", "forget_messages(%s)"]
)
async def test_the_database_forgets_nothing_young_whoever_asks(
    desk: Desk, database_url: str, call: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as daemon:
        with pytest.raises(errors.RestrictViolation):
            daemon.execute(f"SELECT {call}".encode(), (desk.clock.now() - timedelta(days=19),))
        for table in ("trade_order", "suggestion", "broker_message", "attempt"):
            with pytest.raises(errors.InsufficientPrivilege):
                daemon.execute(f"DELETE FROM {table}".encode())  # noqa: S608
        daemon.execute(f"SELECT {call}".encode(), (desk.clock.now() - timedelta(days=800),))
