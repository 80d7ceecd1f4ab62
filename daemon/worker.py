"""The workers: ``trading`` in-process on a warm event loop that hears of new work, the other queues forking.

Each listens to one queue only (RQ can then lose no job while it waits) and runs
nothing but confined jobs. Forked jobs die with their worker, so no orphan finishes
what another worker has started again.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from rq.worker import SimpleWorker, Worker, WorkerStatus

from daemon.forks import Child, Forks
from daemon.lineage import die_with_parent
from daemon.queues import SLOT, ConfinedJob, ConfinedQueue, connect_queues
from daemon.runner import WarmRunner, perform_once
from senex.domain.errors import Unavailable
from senex.store.direct import connect_sync
from senex.store.heartbeats import BEAT_SECONDS, beat_sync, keep_beating, leave_sync

if TYPE_CHECKING:
    from collections.abc import Callable

    from rq.executions import Execution
    from rq.job import Job
    from rq.queue import Queue

    from daemon.runner import Means
    from senex.store.direct import Connection

JOBS_PER_CHILD = 100
TRADING_JOBS_PER_CHILD = 5000
"""Its successor needs half a second to be ready, in which an approval would wait."""
CONCURRENCY = {"trading": 1, "accounts": 2, "default": 1}
_IDLE_SECONDS = 1
# consoles call a process lost that has not beaten for some seconds, so RQ's loops turn every second
_TIMES: dict[str, Any] = {"worker_ttl": 20, "maintenance_interval": 5, "job_monitoring_interval": 1}


class _Confined:
    """What both kinds of worker share, mixed into RQ's own."""

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
        # retire when there is nothing to do, so that no approval waits for a successor
        idle = _IDLE_SECONDS if self._done + self.done_besides() >= self.jobs_at_most else max_idle_time
        return super().dequeue_job_and_maintain_ttl(timeout, idle)  # type: ignore[misc]

    def execute_job(self, job: Job, queue: Queue) -> None:
        super().execute_job(job, queue)  # type: ignore[misc]
        self._done += 1

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        if isinstance(job, ConfinedJob):  # another could not be performed
            job.perform_with = self.perform_with
        return bool(super().perform_job(job, queue, execution))  # type: ignore[misc]

    def heartbeat(self, *args: Any, **kwargs: Any) -> None:
        super().heartbeat(*args, **kwargs)  # type: ignore[misc]
        if not self._is_horse:  # type: ignore[attr-defined]
            self.pulse()


class TradingWorker(_Confined, SimpleWorker):
    """Runs jobs in this process."""

    jobs_at_most = TRADING_JOBS_PER_CHILD


class ForkingWorker(_Confined, Worker):
    """Runs each job in a fork of this process, but for slots: to claim one is less work than a fork."""

    def execute_job(self, job: Job, queue: Queue) -> None:
        if job.func_name != SLOT:
            super().execute_job(job, queue)
            return
        self.perform_job(job, queue, self.prepare_execution(job))
        self.set_state(WorkerStatus.IDLE)
        self._done += 1

    def setup_work_horse_signals(self) -> None:
        super().setup_work_horse_signals()  # type: ignore[no-untyped-call]
        die_with_parent(self.pid)


class Pulse:
    """Heartbeats of a process whose only loop is RQ's; at most one a second, never an error."""

    def __init__(self, direct_url: str, name: str, instance: str) -> None:
        self._direct_url, self._name, self._instance = direct_url, name, instance
        self._connection: Connection | None = None
        self._last = 0.0

    def __call__(self) -> None:
        if time.monotonic() - self._last < BEAT_SECONDS:
            return
        self._last = time.monotonic()
        with suppress(Unavailable):
            if self._connection is None or self._connection.closed:
                self._connection = connect_sync(self._direct_url, name="worker heartbeat")
            beat_sync(self._connection, self._name, self._instance)

    def leave(self) -> None:
        """Leave no row behind: only what was killed looks lost."""
        with suppress(Unavailable):
            if self._connection is not None and not self._connection.closed:
                leave_sync(self._connection, self._name, self._instance)
                self._connection.close()


def serve_trading(means: Means, *, redis_url: str, instance: str) -> int:
    """Be the worker of ``trading`` until stopped or retired; answer the exit code."""
    warm = WarmRunner(means, beside=lambda: keep_beating(means.direct_url, "worker trading", instance))
    warm.start()
    worker = TradingWorker(["trading"], connection=connect_queues(redis_url, patient=True), **_TIMES)
    worker.perform_with, worker.pulse = warm.perform, lambda: None
    worker.done_besides = lambda: warm.heard
    worker.work(logging_level="WARNING")
    warm.stop()
    return 1 if warm.failed else 0


def serve_forking(queue: str, means: Means, *, redis_url: str, instance: str) -> int:
    """Be a worker of ``queue`` until stopped or retired; answer the exit code."""
    worker = ForkingWorker([queue], connection=connect_queues(redis_url, patient=True), **_TIMES)
    worker.perform_with = lambda function, arguments: asyncio.run(perform_once(means, function, arguments))
    pulse = Pulse(means.direct_url, f"worker {queue}", instance)
    worker.pulse = pulse
    worker.work(logging_level="WARNING")
    pulse.leave()
    return 0


def serve(
    means: Means, *, redis_url: str, host: str, log_as: Callable[[str], None] = lambda _name: None
) -> int:
    """Be the parent of all workers until stopped; answer the exit code.

    ``log_as`` gives a child logs of its own under a name.
    """

    def body(queue: str, number: int) -> Callable[[], int]:
        instance = f"{host}/{number}"

        def serve_queue() -> int:
            log_as(f"worker-{queue}-{number}")
            if queue == "trading":
                return serve_trading(means, redis_url=redis_url, instance=instance)
            return serve_forking(queue, means, redis_url=redis_url, instance=instance)

        return serve_queue

    return Forks(
        [
            Child(f"{queue}-{number}", body(queue, number))
            for queue, concurrency in CONCURRENCY.items()
            for number in range(1, concurrency + 1)
        ]
    ).run()
