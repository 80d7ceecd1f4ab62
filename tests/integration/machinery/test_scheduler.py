"""The scheduler on real Postgres and Redis: each slot's work once, on market time."""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from daemon.queues import connect_queues
from daemon.scheduler import Entry, SlotScheduler, Ticks
from senex.store import query_text
from senex.store.direct import connect
from senex.store.slots import claim_slot
from tests.integration.machinery.machinery_support import kill
from tests.waiting import ended, eventually, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.integration.machinery.machinery_support import Stage

_TEN = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)  # ten in New York, a Wednesday
_FIVE = timedelta(minutes=5)


@dataclass
class Watch:
    """A clock set by hand."""

    instant: datetime = _TEN
    timeline: str = "one"
    fresh: bool = True

    def now(self) -> datetime:
        return self.instant


@dataclass
class Bench:
    """The leader's loop with a clock set by hand."""

    watch: Watch
    ticks: Ticks
    machinery: Stage

    async def tick_at(self, instant: datetime) -> list[str]:
        """Tick at an instant; answer the slots then on the queue."""
        self.watch.instant = instant
        await self.ticks.tick()
        return self.queued()

    def queued(self) -> list[str]:
        names = self.machinery.queues.lrange("rq:queue:default", 0, -1)
        return [name.decode() for name in names if isinstance(name, bytes)]

    def planned(self) -> set[str]:
        names = self.machinery.queues.zrange("rq:scheduler:scheduled_jobs", 0, -1)
        return {name.decode() for name in names if isinstance(name, bytes)}

    async def claim(self, at: datetime, job: str = "sync", timeline: str = "one") -> int:
        connection = await connect(self.machinery.postgres, name="test")
        try:
            made = await claim_slot(
                connection, timeline=timeline, job=job, slot=at, queue="default", environment="simulated"
            )
            return len(made)
        finally:
            await connection.close()


@pytest.fixture
async def bench(machinery: Stage) -> AsyncIterator[Bench]:
    machinery.sql.execute("TRUNCATE job_schedule, market_session")
    _open_account(machinery, "A1")
    _plan(machinery, "sync", "every 5 min 09:30-16:00 sessions")
    for day in (date(2026, 3, 3), date(2026, 3, 4), date(2026, 3, 5), date(2026, 3, 6)):
        machinery.sql.execute(
            "INSERT INTO market_session VALUES (%s, %s, %s)",
            (day, datetime(day.year, day.month, day.day, 14, 30, tzinfo=UTC), _closes(day)),
        )
    connection = await connect(machinery.postgres, name="scheduler")
    redis, watch = connect_queues(machinery.redis), Watch()
    yield Bench(
        watch,
        Ticks(
            connection=connection,
            scheduler=SlotScheduler(connection=redis, clock=watch),
            clock=watch,
            environment="simulated",
        ),
        machinery,
    )
    redis.close()
    await connection.close()


def _closes(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 21, 0, tzinfo=UTC)


def _plan(machinery: Stage, name: str, rule: str, *, grace: int = 0) -> None:
    machinery.sql.execute(
        "INSERT INTO job_schedule (name, rule, queue, enabled, grace_seconds) VALUES (%s, %s, 'default', true, %s)",
        (name, rule, grace),
    )


def _id(at: datetime, job: str = "sync", timeline: str = "one") -> str:
    return Entry(job, "default", at, timeline).id


async def test_a_slot_is_queued_when_the_market_reaches_it(bench: Bench) -> None:
    assert await bench.tick_at(_TEN + timedelta(seconds=1)) == []
    assert bench.planned() == {_id(_TEN + _FIVE)}
    assert await bench.tick_at(_TEN + _FIVE - timedelta(seconds=1)) == []
    assert await bench.tick_at(_TEN + _FIVE) == [_id(_TEN + _FIVE)]


async def test_a_queued_slot_is_not_queued_again_while_it_waits(bench: Bench) -> None:
    _plan(bench.machinery, "late", "daily 10:00 weekdays", grace=3600)
    first = await bench.tick_at(_TEN + timedelta(minutes=1))
    assert first == [_id(_TEN, "late")]
    assert await bench.tick_at(_TEN + timedelta(minutes=2)) == first


async def test_only_the_newest_missed_slot_is_caught_up(bench: Bench) -> None:
    bench.machinery.sql.execute("UPDATE job_schedule SET grace_seconds = 3600")
    assert await bench.tick_at(_TEN + timedelta(minutes=17)) == [_id(_TEN + 3 * _FIVE)]


async def test_a_missed_slot_past_its_grace_is_left(bench: Bench) -> None:
    bench.machinery.sql.execute("UPDATE job_schedule SET grace_seconds = 60")
    assert await bench.tick_at(_TEN + timedelta(minutes=2)) == []


async def test_a_claimed_slot_never_comes_back(bench: Bench) -> None:
    bench.machinery.sql.execute("UPDATE job_schedule SET grace_seconds = 3600")
    assert await bench.claim(_TEN + 3 * _FIVE) == 1
    assert await bench.claim(_TEN + 3 * _FIVE) == 0
    assert bench.machinery.one("SELECT count(*) FROM outbox WHERE job = 'sync'") == 1
    assert await bench.tick_at(_TEN + timedelta(minutes=17)) == []
    # not even when the clock jumps back over it
    assert await bench.tick_at(_TEN + timedelta(minutes=3)) == []
    assert bench.planned() == {_id(_TEN + 4 * _FIVE)}


async def test_a_new_timeline_starts_afresh(bench: Bench) -> None:
    bench.machinery.sql.execute("UPDATE job_schedule SET grace_seconds = 3600")
    await bench.claim(_TEN)
    bench.watch.timeline = "two"
    assert await bench.tick_at(_TEN) == [_id(_TEN, timeline="two")]
    assert bench.planned() == {_id(_TEN + _FIVE, timeline="two")}
    assert await bench.claim(_TEN, timeline="two") == 1


async def test_a_job_switched_off_leaves_no_entry(bench: Bench) -> None:
    await bench.tick_at(_TEN)
    bench.machinery.sql.execute("UPDATE job_schedule SET enabled = false")
    assert await bench.tick_at(_TEN + _FIVE) == []
    assert bench.planned() == set()


async def test_a_wiped_redis_is_planned_again(bench: Bench) -> None:
    await bench.tick_at(_TEN)
    bench.machinery.queues.flushdb()
    await bench.tick_at(_TEN)
    assert bench.planned() == {_id(_TEN + _FIVE)}


async def test_in_lockstep_a_lost_slot_is_queued_again_before_time_goes_on(bench: Bench) -> None:
    slot = _TEN + _FIVE
    bench.machinery.sql.execute("UPDATE job_schedule SET grace_seconds = 60")
    await bench.tick_at(_TEN + timedelta(minutes=2))
    bench.watch.instant = slot
    settling = asyncio.create_task(bench.ticks.settle())

    async def queued() -> bool:
        return bench.queued() == [_id(slot)]

    await until(queued, "the slot is queued")
    bench.machinery.queues.flushdb()
    await until(queued, "the slot is queued again")
    assert not settling.done()

    await bench.claim(slot)
    bench.machinery.sql.execute("UPDATE outbox SET done_at = clock_timestamp()")
    bench.machinery.queues.flushdb()  # its result is not kept
    assert await settling
    assert bench.queued() == []


async def test_in_lockstep_a_slot_nobody_can_claim_is_not_waited_for(bench: Bench) -> None:
    bench.machinery.sql.execute("UPDATE job_schedule SET grace_seconds = 60")
    bench.watch.instant = _TEN
    settling = asyncio.create_task(bench.ticks.settle())

    async def lost() -> bool:
        bench.machinery.queues.flushdb()
        return settling.done()

    await until(lost, "it is given up")
    assert await settling


async def test_a_silent_clock_makes_nothing_due(bench: Bench) -> None:
    await bench.tick_at(_TEN)
    bench.watch.fresh = False
    assert await bench.tick_at(_TEN + _FIVE) == []


async def test_without_redis_what_is_due_becomes_work_all_the_same_and_once(bench: Bench) -> None:
    def work() -> int:
        return bench.machinery.one("SELECT count(*) FROM outbox WHERE job = 'sync'")  # type: ignore[no-any-return]

    await bench.tick_at(_TEN)
    queues = bench.machinery.queues
    queues.config_set("maxclients", 1)
    queues.execute_command("CLIENT KILL TYPE normal SKIPME yes")  # type: ignore[no-untyped-call]
    await bench.ticks.tick()
    assert work() == 0
    bench.watch.instant = _TEN + _FIVE
    for _ in range(2):
        await bench.ticks.tick()
        assert (bench.ticks.hindered(), work()) == ("Redis is away", 1)
    queues.config_set("maxclients", 1000)
    assert await bench.tick_at(_TEN + _FIVE + timedelta(seconds=1)) == []
    assert (bench.ticks.hindered(), work()) == (None, 1)
    assert await bench.tick_at(_TEN + 2 * _FIVE) == [_id(_TEN + 2 * _FIVE)]


async def test_an_unreadable_rule_stops_only_its_own_job(bench: Bench) -> None:
    _plan(bench.machinery, "odd", "*/5 * * * *")
    await bench.tick_at(_TEN)
    assert bench.planned() == {_id(_TEN + _FIVE)}


async def test_an_unreadable_rule_is_said_once_until_it_says_something_else(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    async def said_within_two_ticks() -> list[str]:
        for _ in range(2):
            await bench.ticks.tick()
        return [line for line in capsys.readouterr().out.splitlines() if "cannot be scheduled" in line]

    def rewrite(rule: str) -> None:
        bench.machinery.sql.execute("UPDATE job_schedule SET rule = %s WHERE name = 'odd'", (rule,))

    _plan(bench.machinery, "odd", "*/5 * * * *")
    [said] = await said_within_two_ticks()
    assert "'*/5 * * * *' is not a schedule rule" in said
    rewrite("now and then")
    [said] = await said_within_two_ticks()
    assert "'now and then' is not a schedule rule" in said
    rewrite("daily 10:00 weekdays")
    assert await said_within_two_ticks() == []
    rewrite("now and then")
    assert len(await said_within_two_ticks()) == 1


async def test_one_row_of_work_per_open_account(bench: Bench) -> None:
    _open_account(bench.machinery, "A2")
    _open_account(bench.machinery, "A3", closed=True)
    assert await bench.claim(_TEN) == 2
    assert bench.machinery.one("SELECT count(DISTINCT account_id) FROM outbox WHERE job = 'sync'") == 2


async def test_what_failed_in_an_earlier_slot_is_left_to_the_next(bench: Bench) -> None:
    sql = bench.machinery.sql
    await bench.claim(_TEN)
    await bench.claim(_TEN, job="other")
    sql.execute(
        "INSERT INTO outbox (account_id, queue, job, subject, dedupe_key) "
        "SELECT id, 'default', 'sync', id::text, 'run:by hand' FROM account"
    )
    sql.execute(
        "UPDATE outbox SET error = 'the broker is away', offers = 9, created_at = '2026-03-03 12:00Z'"
    )
    await bench.claim(_TEN + _FIVE)
    jobs = "SELECT created_at = '2026-03-03 12:00Z' FROM outbox WHERE job = 'sync' AND done_at IS NULL"
    assert bench.machinery.one(jobs)  # since when it fails is not forgotten
    told = {row[0]: row[3] for row in sql.execute(query_text.JOB_HEALTH).fetchall()}
    assert told["sync"] is None  # it has never been done
    rows = sql.execute("SELECT job, done_at IS NULL, error, offers FROM outbox ORDER BY id").fetchall()
    assert rows == [
        ("sync", False, "left to a later run: the broker is away", 9),
        ("other", True, "the broker is away", 9),
        ("sync", False, "left to a later run: the broker is away", 9),
        ("sync", True, "the broker is away", 9),  # so it is still seen to fail
    ]
    sql.execute("UPDATE outbox SET error = NULL WHERE job = 'sync'")
    await bench.claim(_TEN + 2 * _FIVE)
    # what merely waits or runs is not touched
    assert bench.machinery.one("SELECT count(*) FROM outbox WHERE job = 'sync' AND done_at IS NULL") == 2


async def test_without_an_account_the_slot_waits(bench: Bench) -> None:
    bench.machinery.sql.execute("UPDATE account SET closed = true")
    assert await bench.claim(_TEN) == 0
    bench.machinery.sql.execute("UPDATE account SET closed = false")
    assert await bench.claim(_TEN) == 1


def _open_account(machinery: Stage, number: str, *, closed: bool = False) -> None:
    machinery.sql.execute(
        "INSERT INTO account (id, broker, environment, number, nickname, margin_or_cash, option_level, closed,"
        " closing_only, risk_preset, created_at, updated_at) VALUES (gen_random_uuid(), 'tastytrade',"
        " 'simulated', %s, '', 'margin', '', %s, false, 'moderate', now(), now())",
        (number, closed),
    )


class ClockServer:
    """Market time over a real socket, moved by hand."""

    def __init__(self) -> None:
        self.instant = _TEN
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait(10)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._runner.cleanup())
        self._loop.close()

    async def _serve(self) -> None:
        app = web.Application()
        app.router.add_get("/clock", self._follow)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"ws://{host}:{port}/clock"

    async def _follow(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        told: dict[str, Any] = {"timeline": "one", "speed": 0, "sequence": 0, "session": None}
        while not socket.closed:
            await socket.send_str(json.dumps(told | {"instant": self.instant.isoformat()}))
            await asyncio.sleep(0.1)
        return socket


@pytest.fixture
def clock() -> Iterator[ClockServer]:
    server = ClockServer()
    yield server
    server.close()


def test_two_schedulers_one_killed_each_slot_once(machinery: Stage, bench: Bench, clock: ClockServer) -> None:
    machinery.sql.execute("UPDATE job_schedule SET name = 'note', grace_seconds = 600")
    first = machinery.start("scheduler", clock=clock.url)
    eventually(
        lambda: machinery.one("SELECT 1 FROM heartbeat WHERE name = 'scheduler' AND detail = 'leader'")
    )
    machinery.start("scheduler", clock=clock.url)
    machinery.start("relay")
    machinery.start("worker")
    eventually(lambda: _claimed(machinery) == 1)
    kill(first.pid)
    first.wait()
    clock.instant = _TEN + _FIVE
    eventually(lambda: _claimed(machinery) == 2)
    clock.instant = _TEN + 2 * _FIVE
    eventually(lambda: _claimed(machinery) == 3)
    eventually(lambda: machinery.one("SELECT count(*) FROM ran WHERE job = 'note'") == 3)
    assert machinery.one("SELECT count(*) FROM outbox WHERE job = 'note'") == 3


def _claimed(machinery: Stage) -> int:
    return int(machinery.one("SELECT count(*) FROM job_slot"))


def test_the_scheduler_does_not_start_without_its_clock(machinery: Stage) -> None:
    scheduler = machinery.start("scheduler", clock="ws://127.0.0.1:9/clock")
    assert ended(scheduler) != 0


def test_both_nights_and_a_clock_that_jumps_through_real_processes(
    machinery: Stage, bench: Bench, clock: ClockServer
) -> None:
    """1:30 comes twice in the autumn and 2:30 never comes in the spring; each runs once, jumps or not."""
    machinery.sql.execute("DELETE FROM job_schedule")
    _plan(machinery, "note", "daily 01:30 every", grace=1800)
    _plan(machinery, "other", "daily 02:30 every", grace=1800)
    _plan(machinery, "hourly", "every 60 min 00:00-23:59 every", grace=3600)

    def reach(hour: int, minute: int, *, day: date, second: int = 5) -> None:
        clock.instant = datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=UTC)

    def slots(job: str) -> int:
        return int(machinery.one("SELECT count(*) FROM job_slot WHERE name = %s", job))

    fall, spring = date(2026, 11, 1), date(2027, 3, 14)
    reach(5, 29, day=fall)
    for part in ("scheduler", "relay", "worker"):
        machinery.start(part, clock=clock.url)
    eventually(
        lambda: machinery.one("SELECT 1 FROM heartbeat WHERE name = 'scheduler' AND detail = 'leader'")
    )
    reach(5, 30, day=fall)
    eventually(lambda: slots("note") == 1)
    reach(4, 30, day=fall)  # an hour back, and forward again over the same slot
    hours = slots("hourly")
    reach(6, 30, day=fall)  # half past one once more
    eventually(lambda: slots("hourly") > hours)
    reach(7, 30, day=fall)
    eventually(lambda: slots("other") == 1)
    reach(6, 29, day=spring)
    reach(6, 30, day=spring)
    eventually(lambda: slots("note") == 2)
    reach(7, 0, day=spring)  # the change: half past two will not come
    eventually(lambda: slots("other") == 2)
    reach(8, 0, day=spring)
    eventually(lambda: machinery.one("SELECT count(*) FROM ran WHERE job = 'note'") == 2)
    assert (slots("note"), slots("other")) == (2, 2)
