"""The queues on Redis database 2: which there are, what may be on them, how work gets there.

RQ may lose, double or reorder what it is given; the outbox decides. A job names one
of two functions and carries ids, as JSON: whoever could write to the queue could
not make a worker call anything else.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from senex.domain.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from senex.store.outbox import Offer

DATABASE = 2
# a host that was cut off waits on a connection its Redis has long given up: found out in eight seconds, as Postgres is
_KEEPALIVE: Mapping[int, int] = {
    getattr(socket, name): value
    for name, value in (("TCP_KEEPIDLE", 2), ("TCP_KEEPINTVL", 2), ("TCP_KEEPCNT", 3))
    if hasattr(socket, name)
}
QUEUES = ("trading", "accounts", "default")
RUN, SLOT = "daemon.jobs.run", "daemon.jobs.slot"
FUNCTIONS = (RUN, SLOT)
JOB_SECONDS = 120.0
"""How long a handler may take, unless said below; RQ's own limit lies above it, so that the handler can report."""
LIMITS: Mapping[str, float] = {
    "record_greeks": 60,
    "watch_freshness": 60,
    "check_expirations": 60,
    "generate_trading_summary": 60,
    "sync_transactions": 300,
    "record_metrics": 300,
    "ensure_history": 600,
    "seal_journal": 600,
    "aggregate_greeks": 900,
    "cleanup_cancelled_trades": 900,
    "cleanup_old_work": 900,
    "cleanup_old_suggestions": 900,
}
"""What reads much may take longer, on queues where no order waits for it; what looks at little must be quick."""
_SPARE_SECONDS = 30
_FAILURE_TTL = 86_400

_security = structlog.get_logger("senex.security")

Perform = "Callable[[str, tuple[object, ...]], object]"


class ConfinedJob(Job):
    """A job that may only be one of ``FUNCTIONS``, performed by what its worker gave it.

    No name is ever imported: neither the function's nor a callback's, and no web hook
    is called.
    """

    perform_with: Callable[[str, tuple[object, ...]], object] | None = None

    def __init__(
        self,
        id: str | None = None,  # noqa: A002 - RQ's name
        connection: Redis | None = None,
        serializer: Any = None,  # noqa: ARG002 - there is only one
    ) -> None:
        super().__init__(id=id, connection=connection, serializer=JSONSerializer)

    def _execute(self) -> object:
        name = self.func_name
        if name not in FUNCTIONS or self.instance is not None or self.kwargs or self.perform_with is None:
            _security.warning("a job was refused", function=name, rq_job=self.id)
            raise Refused(
                "E_JOB_REFUSED",
                f"A job asked for '{name}', which no senex worker runs; look who else can write to this Redis.",
            )
        return self.perform_with(name, tuple(self.args))

    @property
    def success_callback(self) -> None:
        return None

    @property
    def failure_callback(self) -> None:
        return None

    @property
    def stopped_callback(self) -> None:
        return None

    def send_webhooks(self, *args: object, **kwargs: object) -> None:
        """Call nobody."""


class ConfinedQueue(Queue):
    """A queue of confined jobs."""

    job_class = ConfinedJob

    def __init__(self, name: str = "default", *args: Any, **kwargs: Any) -> None:
        kwargs |= {"job_class": ConfinedJob, "serializer": JSONSerializer}
        super().__init__(name, *args, **kwargs)


def connect_queues(redis_url: str, *, patient: bool = False) -> Redis:
    """Connect to the queues' database on the Redis of ``redis_url``; nothing is sent yet.

    ``patient`` leaves the reply's time limit to RQ, which blocks while it waits for work.
    """
    parts = urlsplit(redis_url)
    return Redis.from_url(
        urlunsplit(parts._replace(path=f"/{DATABASE}")),
        socket_connect_timeout=2,
        socket_timeout=None if patient else 2,
        socket_keepalive=True,
        socket_keepalive_options=_KEEPALIVE,
        health_check_interval=0,
        retry=Retry(NoBackoff(), 1),
    )


def offer(connection: Redis, offered: Offer) -> None:
    """Queue one leased outbox row under a job id of its own, in place of an offer nobody took."""
    queue = ConfinedQueue(offered.queue, connection=connection)
    if offered.number > 1:
        stale = job_id(offered.id, offered.number - 1)
        if connection.lrem(queue.key, 1, stale):
            connection.delete(Job.key_for(stale))
    queue.enqueue_call(
        RUN,
        args=(offered.id,),
        job_id=job_id(offered.id, offered.number),
        timeout=longest(offered.job),
        result_ttl=0,
        failure_ttl=_FAILURE_TTL,
        description=offered.job,
    )


def longest(job: str) -> int:
    """RQ's time limit of a run, which may take up the row that its own made."""
    return int(LIMITS.get(job, JOB_SECONDS) + JOB_SECONDS) + _SPARE_SECONDS


def job_id(outbox_id: int, number: int) -> str:
    """Name the job of one offer of one row."""
    return f"outbox-{outbox_id}-{number}"
