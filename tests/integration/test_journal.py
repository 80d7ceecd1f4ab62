"""The journal on a real database: sealed by the daemon's job, verified by a console, and what breaks it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import psycopg
import pytest

from senex.domain.errors import Unavailable
from senex.services import seal_journal
from senex.store.queries import Reads
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
