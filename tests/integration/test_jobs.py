"""The schedule and its work as an operator sees and steers them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import psycopg
import pytest

from senex.domain.decisions import DecisionKind
from senex.store.direct import connect
from senex.store.outbox import Outbox
from senex.store.queries import Reads
from senex.store.schedule import read_schedule
from senex.store.slots import claim_slot
from tests.integration.test_commands import Shell, shell
from tests.integration.test_use_cases import ENVIRONMENT, Desk, desk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from senex.ports.views import ScheduleView

__all__ = ["desk", "shell"]

JOB = "sync_positions"


@pytest.fixture
async def reads(console_url: str) -> AsyncIterator[Reads]:
    reads = Reads(console_url)
    yield reads
    await reads.close()


async def scheduled(reads: Reads, now: datetime, name: str = JOB) -> ScheduleView:
    return next(one for one in await reads.schedule(now) if one.name == name)


async def failing(desk: Desk, database_url: str) -> int:
    """Work that was tried once and failed."""
    work = await desk.offer(JOB, await desk.account(), await desk.account())
    async with await connect(database_url, name="test") as connection:
        await Outbox(connection).lease()
        await Outbox(connection).failed(work.id, "The broker does not answer. [E_BROKER_AWAY]")
    return work.id


async def test_the_schedule_shows_slots_and_what_became_of_the_last(
    desk: Desk, reads: Reads, database_url: str
) -> None:
    now = datetime(
        2026, 3, 6, 20, 55, tzinfo=UTC
    )  # a Friday, five minutes before the close; clocks change on Sunday
    before = await scheduled(reads, now)
    assert (before.rule, before.queue, before.enabled, before.result) == (
        "every 10 min 09:30-16:15 sessions in-session",
        "accounts",
        True,
        "never",
    )
    assert before.next_slot == datetime(2026, 3, 9, 13, 30, tzinfo=UTC), (
        "the next session, an hour earlier by UTC"
    )

    async with await connect(database_url, name="test") as connection:
        slot = datetime(2026, 3, 6, 20, 50, tzinfo=UTC)
        assert await claim_slot(
            connection, timeline="t", job=JOB, slot=slot, queue="accounts", environment=ENVIRONMENT
        )
    waiting = await scheduled(reads, now)
    assert (waiting.last_slot, waiting.result, waiting.ended_at) == (slot, "waiting", None)
    await desk.drain()
    done = await scheduled(reads, now)
    assert (done.result, done.ended_at is not None) == ("done", True)


async def test_a_rule_that_cannot_be_read_is_said(reads: Reads, owner_url: str) -> None:
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("UPDATE job_schedule SET rule = 'sometimes' WHERE name = %s", (JOB,))
    shown = await scheduled(reads, datetime(2026, 3, 6, 20, 55, tzinfo=UTC))
    assert shown.next_slot is None
    assert shown.problem is not None
    assert "'sometimes' is not a schedule rule" in shown.problem


async def test_a_paused_job_gets_no_slots_until_it_is_resumed(
    desk: Desk, reads: Reads, database_url: str
) -> None:
    paused = await desk.decide(DecisionKind.PAUSE_JOB, options=[JOB], reason="looking")
    again = await desk.decide(DecisionKind.PAUSE_JOB, options=[JOB])
    await desk.drain()
    assert await desk.answer(paused) == ("done", "OK")
    assert await desk.answer(again) == ("refused", "E_JOB_AS_IS")
    shown = await scheduled(reads, desk.clock.now())
    assert (shown.enabled, shown.next_slot) == (False, None)
    async with await connect(database_url, name="test") as connection:
        assert JOB not in {one.name for one in await read_schedule(connection, "t")}
        resumed = await desk.decide(DecisionKind.RESUME_JOB, options=[JOB])
        await desk.drain()
        assert await desk.answer(resumed) == ("done", "OK")
        assert JOB in {one.name for one in await read_schedule(connection, "t")}
    lines = [(one.action, one.object_id, one.why) for one in await reads.journal(limit=10)]
    assert ("job paused", JOB, "looking") in lines
    assert ("job resumed", JOB, "") in lines


async def test_a_job_run_by_hand_does_the_work_of_a_slot_once(desk: Desk, reads: Reads) -> None:
    desk.clock.advance(timedelta(minutes=1))
    wanted = await desk.decide(DecisionKind.RUN_JOB, options=[JOB])
    unknown = await desk.decide(DecisionKind.RUN_JOB, options=["no_such_job"])
    nameless = await desk.decide(DecisionKind.RUN_JOB)
    decide = (await desk.work())[0]
    await desk.drain()
    await desk.run(decide)  # delivered twice
    await desk.drain()
    assert await desk.answer(wanted) == ("done", "OK")
    assert await desk.answer(unknown) == ("failed", "E_JOB")
    assert await desk.answer(nameless) == ("failed", "E_DECISION")
    ran = [one for one in await reads.jobs() if one.job == JOB]
    assert [(one.queue, one.state, one.account_number) for one in ran] == [("accounts", "done", "5SX00001")]
    assert (await scheduled(reads, desk.clock.now())).result == "done"
    (source,) = [one for one in await reads.sources() if one.source == "positions"]
    assert source.at == desk.clock.now(), "its effect"


async def test_a_run_by_hand_takes_over_what_fails_of_its_job(
    desk: Desk, reads: Reads, database_url: str
) -> None:
    """A paused job that fails, run by hand again and again, has one failing row and no more."""
    await desk.decide(DecisionKind.PAUSE_JOB, options=[JOB])
    other = await failing(desk, database_url)  # neither of a slot nor by hand
    for _ in range(3):
        decision = await desk.decide(DecisionKind.RUN_JOB, options=[JOB])
        for decide in [one for one in await desk.work() if one.job == "decide"]:
            await desk.run(decide)
        assert await desk.answer(decision) == ("done", "OK")
        async with await connect(database_url, name="test") as connection:
            for work in [one for one in await desk.work() if one.id != other]:
                await Outbox(connection).failed(work.id, "The broker does not answer. [E_BROKER_AWAY]")
    undone = [one.id for one in await desk.work()]
    assert [one.id for one in reversed(await reads.jobs(states=["failing"]))] == undone
    assert len(undone) == 2
    await desk.drain()
    states = {one.state for one in await reads.jobs() if one.job == JOB}
    assert states == {"done"}
    assert not await reads.jobs(states=["failing"])


async def test_failing_work_is_shown_and_tried_again_at_once(
    desk: Desk, reads: Reads, database_url: str
) -> None:
    number = await failing(desk, database_url)
    (shown,) = await reads.jobs(states=["failing"])
    assert (shown.id, shown.error) == (number, "The broker does not answer. [E_BROKER_AWAY]")
    accounts = next(one for one in await reads.queues() if one.name == "trading")
    assert (accounts.waiting, accounts.failing) == (0, 1)
    assert (await scheduled(reads, desk.clock.now())).error == shown.error

    async with await connect(database_url, name="test") as connection:
        assert number not in {one.id for one in await Outbox(connection).lease()}, "it waits"
        retried = await desk.decide(DecisionKind.RETRY_JOB, options=[str(number)])
        decide = (await desk.work())[-1]
        await desk.run(decide)
        assert await desk.answer(retried) == ("done", "OK")
        await connection.execute("UPDATE outbox SET created_at = created_at - interval '1 second'")
        assert number in {one.id for one in await Outbox(connection).lease()}
    await desk.drain()
    for option, answer in (
        (str(number), ("refused", "E_JOB_NOT_FAILING")),
        ("x", ("failed", "E_JOB")),
        (str(2**63), ("failed", "E_JOB")),
        ("9" * 5000, ("failed", "E_JOB")),
    ):
        late = await desk.decide(DecisionKind.RETRY_JOB, options=[option])
        await desk.drain()
        assert await desk.answer(late) == answer


async def test_the_commands(shell: Shell, database_url: str) -> None:
    await failing(shell.desk, database_url)
    shown = (await shell.senex("schedule", "show", "--json", TZ="Asia/Tokyo")).json["schedule"]
    one = next(each for each in shown if each["name"] == JOB)
    slot = datetime.fromisoformat(one["next_slot"])
    assert one["next_slot_new_york"] == slot.astimezone(ZoneInfo("America/New_York")).isoformat()
    assert one["next_slot_local"] == slot.astimezone(ZoneInfo("Asia/Tokyo")).isoformat()
    text = await shell.senex("schedule", "show")
    assert "E_BROKER_AWAY" in text.out
    failed = await shell.senex("jobs", "failed", "--json")
    assert (failed.code, [each["job"] for each in failed.json["jobs"]]) == (1, [JOB])
    asked = await shell.senex("jobs", "pause", JOB, "--reason", "x")
    assert (asked.code, "[E_NOT_CONFIRMED]" in asked.err) == (4, True)
    async with shell.daemon():
        for command in (
            ("run", JOB),
            ("pause", JOB, "--reason", "x", "--yes"),
            ("resume", JOB, "--json"),
        ):
            done = await shell.senex("jobs", *command)
            assert done.code == 0, (command, done)
        wrong = await shell.senex("jobs", "run", "nothing")
        assert (wrong.code, "[E_JOB]" in wrong.err, JOB in wrong.err) == (1, True, True)
        late = await shell.senex("jobs", "retry", str(failed.json["jobs"][0]["id"]))
        assert (late.code, "[E_JOB_NOT_FAILING]" in late.err) == (4, True)
        none = await shell.senex("jobs", "retry", str(2**63))
        assert (none.code, "not in the range" in none.err) == (2, True), none
    listed = await shell.senex("jobs", "list")
    assert "trading" in listed.out
    assert JOB in listed.out
    assert (await shell.senex("jobs", "failed")).out == "Nothing fails.\n"
