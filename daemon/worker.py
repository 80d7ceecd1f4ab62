"""The workers: each runs its jobs in its own process, on a warm event loop; ``trading`` hears of new work besides.

Each listens to one queue only (RQ can then lose no job while it waits) and runs
nothing but confined jobs. After so many a worker leaves its place to a new fork of the
parent, so nothing that a job leaves behind stays; one whose loop hangs is ended.
"""

from __future__ import annotations

import os
import time
import traceback
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog
from redis.exceptions import RedisError
from rq.exceptions import StopRequested
from rq.job import JobStatus
from rq.timeouts import JobTimeoutException
from rq.utils import now
from rq.worker import SimpleWorker

from daemon.forks import Child, Forks
from daemon.queues import ConfinedJob, ConfinedQueue, connect_queues
from daemon.runner import WarmRunner
from senex.domain.errors import SenexError
from senex.store.heartbeats import keep_beating
from senex.store.outbox import HEARD

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rq.job import Job
    from rq.queue import Queue

    from daemon.runner import Means
    from senex.config import WorkerQueue

JOBS_PER_CHILD = 100
HEARING_JOBS_PER_CHILD = 5000
"""Its successor needs half a second to be ready, in which an approval would wait."""
CONCURRENCY: Mapping[WorkerQueue, int] = {"trading": 1, "accounts": 2, "default": 1}
_IDLE_SECONDS, _RETIRE_SECONDS = 5, 1
"""RQ's loop turns so often with nothing to do: heartbeats are not its business. To retire it waits less."""
_HUNG_SECONDS, _AWAY_SECONDS = 5.0, 1.0
_BEHIND = 5
"""How far what reads and reckons stands back behind what sends, where they want the same processor."""
_HEARTBEAT, _SPARE_SECONDS = timedelta(seconds=5), 60
_TIMES: dict[str, Any] = {"worker_ttl": 60, "maintenance_interval": 30}
_log = structlog.get_logger("senex.worker")


class ConfinedWorker(SimpleWorker):
    """Runs confined jobs in this process until it is stopped or retires."""

    job_class = ConfinedJob
    queue_class = ConfinedQueue
    exponential_backoff_factor = 1.0
    max_connection_wait_time = 1.0
    log_job_description = False

    perform_with: Callable[[str, tuple[Any, ...]], object]
    pulse: Callable[[], None]
    done_besides: Callable[[], int] = staticmethod(lambda: 0)
    jobs_at_most = JOBS_PER_CHILD
    _done = 0

    @property
    def dequeue_timeout(self) -> int:
        return _IDLE_SECONDS

    @property
    def told_to_stop(self) -> bool:
        """Whether a signal has, while a job ran."""
        return bool(self._stop_requested)

    def dequeue_job_and_maintain_ttl(self, timeout: int | None, max_idle_time: int | None = None) -> Any:
        # retire when there is nothing to do, so that nothing waits for a successor
        idle = _RETIRE_SECONDS if self._done + self.done_besides() >= self.jobs_at_most else max_idle_time
        return super().dequeue_job_and_maintain_ttl(timeout, idle)

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Perform it. RQ's records of executions are left out: what is done is said in Postgres, by the work itself."""
        if isinstance(job, ConfinedJob):  # another could not be performed
            job.perform_with = self.perform_with
        limit = int(job.timeout or queue.DEFAULT_TIMEOUT)
        with self.connection.pipeline(transaction=False) as pipeline:
            super().heartbeat(limit + _SPARE_SECONDS, pipeline)
            pipeline.hset(job.key, "status", JobStatus.STARTED)
            pipeline.expire(job.key, limit + _SPARE_SECONDS)  # should this process die
            pipeline.lrem(queue.intermediate_queue_key, 1, job.id)
            pipeline.execute()
        try:
            with self.death_penalty_class(limit, JobTimeoutException, job_id=job.id):
                job.perform()
        except Exception:  # noqa: BLE001 - whatever it was, the next job has nothing to do with it
            _log.exception("a job raised", rq_job=job.id)
            self.handle_job_failure(job, queue, exc_string=traceback.format_exc())
        else:
            with suppress(RedisError):  # it expires
                self.connection.delete(job.key)
        self._done += 1

    def check_for_suspension(self, burst: bool) -> None:  # noqa: FBT001 - RQ's signature
        """Go on: jobs are paused in Postgres, not in Redis."""

    def set_state(self, state: str, pipeline: object = None) -> None:
        """Keep it to itself: nobody asks Redis what a worker does."""
        del pipeline
        self._state = state

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Look after the loop of the jobs each time; tell Redis now and then."""
        if self.last_heartbeat is None or now() - self.last_heartbeat > _HEARTBEAT:
            super().heartbeat(timeout, pipeline)
        self.pulse()


def serve_queue(queue: str, means: Means, *, redis_url: str, instance: str) -> int:
    """Be a worker of ``queue`` until stopped or retired; answer the exit code."""
    warm = WarmRunner(
        means,
        beside=lambda: keep_beating(means.direct_url, f"worker {queue}", instance),
        queue=queue,
    )
    warm.start()
    _take_jobs(queue, warm, redis_url=redis_url, limit=means.limit)
    warm.stop()
    return 1 if warm.failed else 0


def _take_jobs(queue: str, warm: WarmRunner, *, redis_url: str, limit: float) -> None:
    """Take jobs from Redis until stopped or retired; RQ cannot begin without it, the loop of the jobs goes on."""
    worker: ConfinedWorker | None = None
    with suppress(StopRequested):  # a signal's, whatever goes on here
        while worker is None or not worker.told_to_stop:
            try:
                worker = ConfinedWorker([queue], connection=connect_queues(redis_url, patient=True), **_TIMES)
                worker.perform_with, worker.pulse = warm.perform, lambda: _end_if_hung(warm, limit)
                worker.done_besides = lambda: warm.heard
                if queue == HEARD:
                    worker.jobs_at_most = HEARING_JOBS_PER_CHILD
                worker.work(logging_level="WARNING")
            except RedisError as problem:
                _log.warning("Redis does not answer; work is found in Postgres", why=str(problem))
            else:
                return
            time.sleep(_AWAY_SECONDS)
            _end_if_hung(warm, limit)


def _end_if_hung(warm: WarmRunner, limit: float) -> None:
    """Code that never waits cannot be stopped; its process can, and what it worked on is offered again."""
    if warm.still > max(limit, _HUNG_SECONDS):
        _log.error("the event loop of the jobs hangs; the worker ends and is started again")
        os._exit(1)


def serve(
    means: Means,
    *,
    redis_url: str,
    host: str,
    concurrency: Mapping[WorkerQueue, int] = CONCURRENCY,
    log_as: Callable[[str], None] = lambda _name: None,
    end_by: Callable[[SenexError], int] = lambda problem: problem.exit_code,
    ending: Callable[[], object] = lambda: None,
) -> int:
    """Be the parent of all workers until stopped, or until ``ending`` says something; answer the exit code.

    ``concurrency`` says how many serve a queue where that is not as usual; ``log_as`` gives a child logs of its own
    under a name; ``end_by`` says what a child could not begin for, and answers its exit code.
    """

    def body(queue: str, number: int) -> Callable[[], int]:
        instance = f"{host}/{number}"

        def live() -> int:
            if queue != HEARD:
                os.nice(_BEHIND)
            log_as(f"worker-{queue}-{number}")
            try:
                return serve_queue(queue, means, redis_url=redis_url, instance=instance)
            except SenexError as problem:
                return end_by(problem)

        return live

    return Forks(
        [
            Child(f"{queue}-{number}", body(queue, number))
            for queue, workers in {**CONCURRENCY, **concurrency}.items()
            for number in range(1, workers + 1)
        ],
        ending=ending,
    ).run()
