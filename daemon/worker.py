"""The workers: each runs its jobs in its own process, on a warm event loop; ``trading`` hears of new work besides.

Each listens to one queue only (RQ can then lose no job while it waits) and runs
nothing but confined jobs. After so many a worker leaves its place to a new fork of the
parent, so nothing that a job leaves behind stays; one whose loop hangs is ended.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import structlog
from rq.worker import SimpleWorker

from daemon.forks import Child, Forks
from daemon.queues import ConfinedJob, ConfinedQueue, connect_queues
from daemon.runner import WarmRunner
from senex.store.heartbeats import keep_beating
from senex.store.outbox import HEARD

if TYPE_CHECKING:
    from collections.abc import Callable

    from rq.executions import Execution
    from rq.job import Job
    from rq.queue import Queue

    from daemon.runner import Means

JOBS_PER_CHILD = 100
HEARING_JOBS_PER_CHILD = 5000
"""Its successor needs half a second to be ready, in which an approval would wait."""
CONCURRENCY = {"trading": 1, "accounts": 2, "default": 1}
_IDLE_SECONDS, _RETIRE_SECONDS = 5, 1
"""RQ's loop turns so often with nothing to do: heartbeats are not its business. To retire it waits less."""
_HUNG_SECONDS = 5.0
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

    def dequeue_job_and_maintain_ttl(self, timeout: int | None, max_idle_time: int | None = None) -> Any:
        # retire when there is nothing to do, so that nothing waits for a successor
        idle = _RETIRE_SECONDS if self._done + self.done_besides() >= self.jobs_at_most else max_idle_time
        return super().dequeue_job_and_maintain_ttl(timeout, idle)

    def execute_job(self, job: Job, queue: Queue) -> None:
        super().execute_job(job, queue)
        self._done += 1

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        if isinstance(job, ConfinedJob):  # another could not be performed
            job.perform_with = self.perform_with
        return bool(super().perform_job(job, queue, execution))

    def heartbeat(self, *args: Any, **kwargs: Any) -> None:
        super().heartbeat(*args, **kwargs)
        self.pulse()


def serve_queue(queue: str, means: Means, *, redis_url: str, instance: str) -> int:
    """Be a worker of ``queue`` until stopped or retired; answer the exit code."""
    warm = WarmRunner(
        means,
        beside=lambda: keep_beating(means.direct_url, f"worker {queue}", instance),
        hears=queue == HEARD,
    )
    warm.start()
    worker = ConfinedWorker([queue], connection=connect_queues(redis_url, patient=True), **_TIMES)
    worker.perform_with, worker.pulse = warm.perform, lambda: _end_if_hung(warm, means.limit)
    if queue == HEARD:
        worker.done_besides, worker.jobs_at_most = lambda: warm.heard, HEARING_JOBS_PER_CHILD
    worker.work(logging_level="WARNING")
    warm.stop()
    return 1 if warm.failed else 0


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
    log_as: Callable[[str], None] = lambda _name: None,
    ending: Callable[[], object] = lambda: None,
) -> int:
    """Be the parent of all workers until stopped, or until ``ending`` says something; answer the exit code.

    ``log_as`` gives a child logs of its own under a name.
    """

    def body(queue: str, number: int) -> Callable[[], int]:
        instance = f"{host}/{number}"

        def live() -> int:
            log_as(f"worker-{queue}-{number}")
            return serve_queue(queue, means, redis_url=redis_url, instance=instance)

        return live

    return Forks(
        [
            Child(f"{queue}-{number}", body(queue, number))
            for queue, concurrency in CONCURRENCY.items()
            for number in range(1, concurrency + 1)
        ],
        ending=ending,
    ).run()
