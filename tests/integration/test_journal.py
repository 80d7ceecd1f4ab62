"""The journal on a real database: sealed by the daemon's job, verified by a console, and what breaks it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import text

from senex.domain.decisions import DecisionKind
from senex.domain.errors import Unavailable
from senex.domain.orders import OrderKind
from senex.ports.broker import RefusedByBroker
from senex.services import seal_journal
from senex.store.queries import Reads
from senex.testing.broker import LOST
from tests.integration.test_use_cases import Desk, desk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

__all__ = ["desk"]


@pytest.fixture
async def reads(console_url: str) -> AsyncIterator[Reads]:
    reads = Reads(console_url)
    yield reads
    await reads.close()


async def _note(desk: Desk, account: UUID | None, *whys: str) -> None:
    async with desk.units() as tx:
        for why in whys:
            await tx.journal.note(
                "tested",
                actor="test",
                object_type="order",
                object_id="1",
                account_id=account,
                why=why,
                now=desk.clock.now(),
            )
        await tx.commit()


async def _seal(desk: Desk, account: UUID) -> None:
    await desk.offer("seal_journal", account, account)
    await desk.drain()


def _meddle(owner_url: str, statement: str) -> None:
    """What somebody with the owner's password and time could do to the table."""
    with psycopg.connect(owner_url) as connection:
        connection.execute("ALTER TABLE audit DISABLE TRIGGER USER")
        partitions = connection.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'audit'::regclass"
        ).fetchall()
        for (partition,) in partitions:
            connection.execute(f"ALTER TABLE {partition} DISABLE TRIGGER USER".encode())
        connection.execute(statement.encode())


async def test_seals_cover_every_line_once_and_hold(desk: Desk, reads: Reads) -> None:
    account = await desk.account()
    await _note(desk, account, "first")
    await _note(desk, None, "of the deployment")
    await _seal(desk, account)
    await _note(desk, account, "second", "third")
    before = {chain.account_number: chain for chain in await reads.chains()}
    assert (before["5SX00001"].seals, before["5SX00001"].unsealed) == (1, 2)
    await _seal(desk, account)
    after = {chain.account_number: chain for chain in await reads.chains()}
    assert (after["5SX00001"].seals, after["5SX00001"].unsealed) == (2, 0)
    assert after["5SX00001"].sealed == before["5SX00001"].sealed + 2
    assert (after[None].seals, after[None].unsealed) == (1, 0)
    assert {chain.broken for chain in after.values()} == {None}
    await _seal(desk, account)
    assert {chain.account_number: chain for chain in await reads.chains()} == after


async def test_a_long_journal_is_sealed_in_batches(desk: Desk, reads: Reads) -> None:
    account = await desk.account()
    await _note(desk, account, *(str(number) for number in range(2 * seal_journal.BATCH)))
    await _seal(desk, account)
    [chain] = [chain for chain in await reads.chains() if chain.account_number]
    assert chain.seals >= 2
    assert (chain.unsealed, chain.broken) == (0, None)


@pytest.mark.parametrize(
    ("meddling", "shows"),
    [
        ("UPDATE audit SET why = 'changed' WHERE why = 'first'", "not what was sealed"),
        ("DELETE FROM audit WHERE why = 'first'", "covers"),
        (
            """INSERT INTO audit SELECT gen_random_uuid(), at, account_id, actor, action, object_type, object_id,
            before, after, 'put in', serial FROM audit WHERE why = 'first'""",
            "covers",
        ),
    ],
)
async def test_what_is_changed_behind_our_back_shows(
    desk: Desk, reads: Reads, owner_url: str, meddling: str, shows: str
) -> None:
    account = await desk.account()
    await _note(desk, account, "first", "second")
    await _seal(desk, account)
    _meddle(owner_url, meddling)
    [chain] = [chain for chain in await reads.chains() if chain.account_number]
    assert shows in str(chain.broken)


async def test_a_line_still_being_written_is_never_skipped(desk: Desk, reads: Reads) -> None:
    """Its serial is lower than that of a line committed before it; the seal waits for it."""
    account = await desk.account()
    async with desk.units() as slow:
        await slow.journal.note(
            "slow", actor="test", object_type="order", object_id="1", account_id=account, now=desk.clock.now()
        )
        await slow.accounts.get(account)  # with a question goes what was written before it
        await _note(desk, account, "fast")
        async with desk.units() as tx:
            with pytest.raises(Unavailable, match="sealed later"):
                await tx.journal.settled()
        sealing = asyncio.create_task(_seal(desk, account))
        await slow.commit()
    try:
        await sealing
    except Unavailable:  # the writer took longer than sealing waits: the job is offered again
        await _seal(desk, account)
    [chain] = [chain for chain in await reads.chains() if chain.account_number]
    assert (chain.unsealed, chain.broken) == (0, None)


async def test_the_newest_lines_and_those_after(desk: Desk, reads: Reads) -> None:
    account = await desk.account()
    await _note(desk, account, "one", "two", "three")
    newest = await reads.journal(account_id=account, limit=2)
    assert [line.why for line in newest] == ["two", "three"]
    assert newest[0].account_number == "5SX00001"
    await _note(desk, account, "four", "five")
    assert [line.why for line in await reads.journal(after=newest[-1].serial, limit=1)] == ["four"]


async def test_every_change_of_a_status_is_replayed_to_what_the_tables_say(desk: Desk, reads: Reads) -> None:
    """An entry that fills, its targets, one taken away, one refused, one lost and given up, found too late."""
    await desk.fill(await desk.approve(await desk.suggest()))
    target = (await desk.orders(OrderKind.TARGET))[0]
    await desk.decide(DecisionKind.CANCEL_ORDER, order_id=target.id)
    await desk.drain()
    assert target.broker_order_id is not None
    theirs = desk.broker.orders.pop(target.broker_order_id)
    account = await desk.account()
    await desk.offer("reconcile", account, account)
    await desk.drain()
    desk.broker.orders[theirs.id] = theirs
    done = await reads.replay()
    assert done.broken is None
    assert done.objects == 1 + 1 + 4 + 4  # the suggestion, the position, its orders, an attempt each
    assert done.steps >= 4 * 5
    assert "transition" not in {one.action for one in await reads.journal()}


async def test_the_lives_of_suggestions_are_replayed(desk: Desk, reads: Reads) -> None:
    approved, rejected, expired = [await desk.suggest() for _ in range(3)]
    await desk.approve(approved)
    await desk.decide(DecisionKind.REJECT, suggestion_id=rejected, version=1, digest="", reason="no")
    await desk.drain()
    desk.clock.advance(timedelta(days=2))
    await desk.offer("cleanup_old_suggestions", "")
    await desk.drain()
    assert (await reads.replay()).broken is None
    async with desk.engine.begin() as connection:
        await connection.execute(
            text("UPDATE suggestion SET status = 'approved' WHERE id = :id"), {"id": expired}
        )
    assert (await reads.replay()).broken == (
        f"suggestion {expired} is approved in the tables, and the journal leads to expired"
    )


async def test_a_refused_and_a_withdrawn_entry_are_replayed(desk: Desk, reads: Reads) -> None:
    desk.broker.answers = [RefusedByBroker("E_BROKER_REQUEST", "no", retriable=False), LOST]
    for _ in range(2):
        await desk.approval(await desk.suggest())
        await desk.drain()
    assert (await reads.replay()).broken is None
    assert {one.status for one in await reads.orders()} == {"rejected", "working"}


async def test_a_status_changed_behind_the_journal_s_back_is_named(desk: Desk, reads: Reads) -> None:
    order = await desk.approve(await desk.suggest())
    async with desk.engine.begin() as connection:
        await connection.execute(text("UPDATE trade_order SET status = 'cancelled'"))
    assert (await reads.replay()).broken == (
        f"order {order} is cancelled in the tables, and the journal leads to working"
    )


_KEPT = ("audit", "broker_message", "decision", "decision_result", "fill", "audit_seal")


def test_nobody_may_change_what_happened(database_url: str, console_url: str, owner_url: str) -> None:
    """Daemon and console have no right to; the owner, who has every right, meets the trigger."""
    refusals = (
        (database_url, psycopg.errors.InsufficientPrivilege),
        (console_url, psycopg.errors.InsufficientPrivilege),
        (owner_url, psycopg.errors.RestrictViolation),
    )
    for url, refusal in refusals:
        with psycopg.connect(url, autocommit=True) as connection:
            for kept in _KEPT:
                with pytest.raises(refusal):
                    connection.execute(f"TRUNCATE {kept} CASCADE".encode())
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "INSERT INTO audit (id, at, actor, action, object_type, object_id, why) "
            "VALUES (gen_random_uuid(), '2026-03-04', 'a', 'b', 'c', 'd', '')"
        )
        connection.commit()
        for change in ("UPDATE audit SET why = 'x'", "DELETE FROM audit"):
            with pytest.raises(psycopg.errors.RestrictViolation):
                connection.execute(change.encode())
            connection.rollback()
    for url in (database_url, console_url):
        with psycopg.connect(url) as connection:
            for change in ("UPDATE audit SET why = 'x'", "DELETE FROM audit"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(change.encode())
                connection.rollback()
