"""The scheduler: says when each slot of the schedule is due, on market time.

What should run stands in Postgres. Each tick compares it with rq-scheduler's
entries, which are one per job and slot and never repeat themselves, so whatever
Redis loses or doubles is put right a second later; the slot's unique row lets it
run once. The leader holds a Postgres lock; rq-scheduler's own lock is not used.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import structlog
from redis.exceptions import RedisError
from rq_scheduler.scheduler import Scheduler
from rq_scheduler.utils import to_unix

from daemon.deadman import keep_vigil
from daemon.queues import QUEUES, SLOT, ConfinedJob, ConfinedQueue, connect_queues, longest
from senex.bus.clock import open_clock
from senex.domain.errors import UsageProblem
from senex.domain.rules import parse_rule
from senex.domain.schedule import next_slot, slots_between
from senex.domain.unknown import Unknown
from senex.store.direct import connect
from senex.store.heartbeats import keep_beating
from senex.store.locks import leader
from senex.store.outbox import Outbox
from senex.store.schedule import read_calendar, read_schedule
from senex.store.slots import claim_slot

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from redis import Redis
    from rq.job import Job

    from senex.domain.calendar import Calendar
    from senex.store.direct import AsyncConnection
    from senex.store.schedule import Scheduled

TICK_SECONDS = 1.0
_CALENDAR_SECONDS, _CALENDAR_REACH = 30.0, timedelta(days=30)
_AGAIN_SECONDS = 15.0
_UNFINISHED = (b"queued", b"started")
_MOMENT = 0.02
_REDIS_AWAY = "leader, Redis away"
_TRIES = 3
_log = structlog.get_logger("senex.scheduler")


class MarketClock(Protocol):
    """Market time that knows whether it is still told."""

    @property
    def timeline(self) -> str: ...

    @property
    def fresh(self) -> bool: ...

    def now(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One slot of one job, as it stands with rq-scheduler."""

    job: str
    queue: str
    at: datetime
    timeline: str

    @property
    def id(self) -> str:
        """The job id of this slot: its own, and the same whoever computes it."""
        return f"slot-{self.job}-{self.timeline}-{to_unix(self.at)}"


def desired(
    jobs: Iterable[Scheduled], *, timeline: str, now: datetime, since: datetime, calendar: Calendar
) -> dict[str, Entry]:
    """The entries there should be: per job the next slot and the newest one due.

    Due is what came after ``since``, the tick before, and what was missed within the
    job's grace. What came before the newest is not caught up: its work would be the
    same. A job whose slots are unknown gets none. Raises UsageProblem for a rule that is none.
    """
    entries = (
        Entry(job.name, job.queue, at, timeline)
        for job in jobs
        for at in _slots(job, now=now, since=since, calendar=calendar)
    )
    return {entry.id: entry for entry in entries}


def _slots(job: Scheduled, *, now: datetime, since: datetime, calendar: Calendar) -> Iterator[datetime]:
    rule = parse_rule(job.rule)
    claimed = datetime.min.replace(tzinfo=UTC) if job.last is None else job.last
    due = slots_between(rule, max(claimed, min(since, now - job.grace)), now, calendar)
    ahead = next_slot(rule, max(claimed, now), calendar)
    if isinstance(due, Unknown) or isinstance(ahead, Unknown):
        _log.debug("slots unknown", job=job.name)
        return
    yield from due[-1:]
    yield ahead


class SlotScheduler(Scheduler):  # type: ignore[misc]  # rq-scheduler has no types
    """rq-scheduler on market time, with one entry per slot."""

    job_class = ConfinedJob
    queue_class = ConfinedQueue

    def __init__(self, *, connection: Redis, clock: MarketClock) -> None:
        super().__init__(connection=connection, interval=TICK_SECONDS)
        self._clock = clock
        self._sent: dict[str, float] = {}
        self._open = set[str]()
        self._times = Counter[str]()
        self.queued = 0

    def get_jobs_to_queue(self, with_times: bool = False) -> Any:  # noqa: FBT001, FBT002 - rq-scheduler's signature
        return self.get_jobs(to_unix(self._clock.now()), with_times=with_times)

    def enqueue_job(self, job: Job) -> None:
        super().enqueue_job(job)
        self._sent[job.id] = time.monotonic()
        self._open.add(job.id)
        self._times[job.id] += 1
        self.queued += 1

    def unfinished(self) -> bool:
        """Whether a slot that was queued still waits or runs. Raises RedisError."""
        names = sorted(self._open)
        with self.connection.pipeline(transaction=False) as pipeline:
            for name in names:
                pipeline.hget(self.job_class.key_for(name), "status")
            told = pipeline.execute()
        self._open = {name for name, status in zip(names, told, strict=True) if status in _UNFINISHED}
        return bool(self._open)

    def doubt(self) -> bool:
        """Believe no longer that what was queued will be claimed; whether there was any. Few times for a slot."""
        doubted = {name for name in self._sent if self._times[name] < _TRIES}
        self._sent = {name: at for name, at in self._sent.items() if name not in doubted}
        return bool(doubted)

    def tick(self, entries: dict[str, Entry]) -> None:
        """Make rq-scheduler's entries those of ``entries`` and queue what is due. Raises RedisError."""
        now = time.monotonic()
        # a slot just queued is not claimed yet; one that never is comes back
        self._sent = {name: at for name, at in self._sent.items() if now - at < _AGAIN_SECONDS}
        self._open.intersection_update(self._sent)
        present = {name.decode() for name in self.connection.zrange(self.scheduled_jobs_key, 0, -1)}
        self._times = Counter({name: self._times[name] for name in entries.keys() & self._times.keys()})
        for name in present - entries.keys():
            self.cancel(name)
            self.connection.delete(self.job_class.key_for(name))
        for name in entries.keys() - present - self._sent.keys():
            entry = entries[name]
            self.enqueue_at(
                entry.at,
                SLOT,
                entry.job,
                entry.at.isoformat(),
                entry.timeline,
                # a slot may be claimed anywhere; its work then goes where the job says
                queue_name=entry.queue if entry.queue in QUEUES else QUEUES[-1],
                job_id=name,
                # whoever claims it does its work, too
                timeout=longest(entry.job),
                job_result_ttl=0,
            )
        self.enqueue_jobs()


class Ticks:
    """The leader's loop."""

    def __init__(
        self, *, connection: AsyncConnection, scheduler: SlotScheduler, clock: MarketClock, environment: str
    ) -> None:
        self._connection, self._scheduler, self._clock = connection, scheduler, clock
        self._environment = environment
        self._calendar: Calendar | None = None
        self._calendar_read, self._calendar_around = 0.0, date.min
        self._last: tuple[str, datetime] | None = None
        self._turn = asyncio.Lock()
        self._seen = (-1, -1)
        self._unreadable = set[tuple[str, str]]()
        self.state = "leader"

    async def settle(self) -> bool:
        """Have all work of the market's instant done; whether there was any. Raises Unavailable.

        That is every slot due by now, and every row of the outbox that leads to a job.
        A row that fails again and again is not waited for, nor a slot that nobody claims.
        """
        ticked, outbox = time.monotonic(), Outbox(self._connection)
        while True:
            # a killed worker's slot comes back as it does in free time
            if self._behind or time.monotonic() - ticked > TICK_SECONDS:
                await self.tick()
                ticked = time.monotonic()
            with suppress(RedisError):
                # asked twice: what a slot comes to is there when it has ended, and only then
                if not self._behind and await outbox.quiet() and await self._ended() and await outbox.quiet():
                    if not await self._again():
                        break
                    ticked = time.monotonic()
            await asyncio.sleep(_MOMENT)
        before, self._seen = self._seen, (self._scheduler.queued, await outbox.newest())
        return before != self._seen

    async def _ended(self) -> bool:
        return not await asyncio.to_thread(self._scheduler.unfinished)

    @property
    def _behind(self) -> bool:
        """Whether the instant it is has not been compared yet."""
        return self._last != (self._clock.timeline, self._clock.now())

    async def _again(self) -> bool:
        """Queue anew what was queued and lost before anybody claimed it; whether there was any."""
        before = self._scheduler.queued
        if self._scheduler.doubt():
            await self.tick()
        return self._scheduler.queued != before

    async def tick(self) -> None:
        """Compare and queue once. Raises Unavailable without Postgres; a lost clock is waited for.

        Without Redis what is due is made work here, and the comparison stays to be done.
        """
        async with self._turn:
            await self._tick()

    async def _tick(self) -> None:
        if not self._clock.fresh:
            self._note("leader, clock away")
            return
        timeline, now = self._clock.timeline, self._clock.now()
        jobs = self._readable(await read_schedule(self._connection, timeline))
        since = self._last[1] if self._last and self._last[0] == timeline else now
        entries = desired(
            jobs, timeline=timeline, now=now, since=since, calendar=await self._known_calendar(now.date())
        )
        try:
            await asyncio.to_thread(self._scheduler.tick, entries)
        except RedisError as problem:
            self._note(_REDIS_AWAY, why=str(problem))
            await self._claim(entry for entry in entries.values() if entry.at <= now)
            return
        self._last = (timeline, now)
        self._note("leader")

    def _readable(self, jobs: Iterable[Scheduled]) -> list[Scheduled]:
        """Those whose rule can be read; of another it is said once, until it says something else."""
        found: list[Scheduled] = []
        unreadable: set[tuple[str, str]] = set()
        for job in jobs:
            try:
                parse_rule(job.rule)
            except UsageProblem as problem:
                unreadable.add((job.name, job.rule))
                if (job.name, job.rule) not in self._unreadable:
                    _log.error("cannot be scheduled", job=job.name, why=problem.message)
            else:
                found.append(job)
        self._unreadable = unreadable
        return found

    async def _claim(self, due: Iterable[Entry]) -> None:
        """Have the work of slots without the queue: who sends hears of it, the others find it."""
        for entry in due:
            await claim_slot(
                self._connection,
                timeline=entry.timeline,
                job=entry.job,
                slot=entry.at,
                queue=entry.queue,
                environment=self._environment,
            )

    def hindered(self) -> str | None:
        """What keeps slots from being queued."""
        return "Redis is away" if self.state == _REDIS_AWAY else None

    async def _known_calendar(self, today: date) -> Calendar:
        old = time.monotonic() - self._calendar_read > _CALENDAR_SECONDS
        if self._calendar is None or old or abs(today - self._calendar_around) > _CALENDAR_REACH:
            self._calendar = await read_calendar(self._connection, today)
            self._calendar_read = time.monotonic() if self._calendar.sessions else 0.0
            self._calendar_around = today
        return self._calendar

    def _note(self, state: str, **why: str) -> None:
        if state != self.state:
            _log.info(state, **why)
        self.state = state


async def schedule(
    *,
    direct_url: str,
    redis_url: str,
    clock_url: str | None,
    instance: str,
    environment: str,
    dead_man_url: str | None = None,
) -> None:
    """Be the scheduler once no other is, until cancelled. Raises Unavailable when Postgres is lost."""
    ticks: Ticks | None = None
    async with asyncio.TaskGroup() as group:
        group.create_task(
            keep_beating(direct_url, "scheduler", instance, lambda: ticks.state if ticks else "standby")
        )
        async with leader(direct_url, "scheduler"):
            clock = await asyncio.to_thread(open_clock, clock_url)
            ticks = Ticks(
                connection=await connect(direct_url, name="scheduler"),
                scheduler=SlotScheduler(connection=connect_queues(redis_url), clock=clock),
                clock=clock,
                environment=environment,
            )
            _log.info("leading")
            group.create_task(clock.attend("scheduler", 2, ticks.settle))
            if dead_man_url is not None:
                group.create_task(
                    keep_vigil(
                        dead_man_url,
                        direct_url=direct_url,
                        environment=environment,
                        clock=clock,
                        hindered=ticks.hindered,
                    )
                )
            while True:
                if not clock.lockstep:
                    await ticks.tick()
                await asyncio.sleep(TICK_SECONDS)
