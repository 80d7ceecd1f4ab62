"""What workers run: one row of the outbox, or one slot of the schedule.

The row is the truth; a job is only its name. Whoever comes second, late or for a
row that is done finds that out here and leaves without an effect.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import structlog

from daemon.queues import JOB_SECONDS, LIMITS, QUEUES
from senex.domain.errors import SenexError, Unavailable
from senex.store.outbox import RENEW_SECONDS
from senex.store.slots import claim_slot, queue_of
from senex.store.told import IDS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from senex.ports.records import Following, Work
    from senex.store.direct import AsyncConnection
    from senex.store.outbox import Outbox

    Handlers = Mapping[str, Callable[[Any, Work], Awaitable[Following | None]]]
    """What each job does; it may return work it has written that should be done at once."""

_log = structlog.get_logger("senex.jobs")


async def run(
    outbox_id: int,
    *,
    outbox: Outbox,
    container: Any,
    handlers: Handlers,
    limit: float = JOB_SECONDS,
) -> None:
    """Work on one outbox row unless it is done or somebody else does, for at most its own limit, or ``limit`` seconds.

    The handler sets ``done_at`` in its own transaction. What it raises is stored on
    the row, which is offered again. What it names is done next, here, without
    a way through the queue; the relay's offer of it comes too late, or in our place
    should we die. Raises Unavailable when Postgres is lost.
    """
    following: int | Following | None = outbox_id
    async with AsyncExitStack() as claims:  # given back together: what follows does not wait for that
        # what a run is found to be about, that which follows is about too; it ends with both
        claims.enter_context(structlog.contextvars.bound_contextvars(**dict.fromkeys(IDS)))
        while following is not None:
            work = await claims.enter_async_context(outbox.claim(following))
            if work is None:
                return
            following = await _run(work, outbox=outbox, container=container, handlers=handlers, limit=limit)


async def _run(
    work: Work, *, outbox: Outbox, container: Any, handlers: Handlers, limit: float
) -> Following | None:
    began = time.monotonic()
    run_id = uuid4().hex[:12]
    with structlog.contextvars.bound_contextvars(
        run=run_id, job=work.job, outbox=work.id, subject=work.subject
    ):
        ended = await _handle(work, outbox=outbox, container=container, handlers=handlers, limit=limit)
        if isinstance(ended, str):
            await outbox.failed(work.id, ended)
            return None
        _log.info("done", milliseconds=round((time.monotonic() - began) * 1000))
        return ended


async def _handle(
    work: Work, *, outbox: Outbox, container: Any, handlers: Handlers, limit: float
) -> Following | str | None:
    """Call the handler while the lease is renewed; answer what is to follow, or what went wrong in words."""
    handler = handlers.get(work.job)
    if handler is None:
        _log.error("no handler", remedy="run the same version of senex everywhere")
        return f"This senex has no handler for '{work.job}'; run the same version everywhere. [E_JOB_UNKNOWN]"
    allowed = LIMITS.get(work.job, limit)
    renewing = asyncio.create_task(_renew(outbox, work.id))
    try:
        async with asyncio.timeout(allowed):
            return await handler(container, work)
    except TimeoutError:
        _log.error("took too long", limit=allowed)
        return f"The job did not end within {allowed:g} s and was stopped; it is tried again. [E_JOB_TIMEOUT]"
    except SenexError as problem:
        _log.warning("failed", code=problem.code, why=problem.message)
        return str(problem)
    except Exception as problem:  # noqa: BLE001 - a bug in one job must not end the worker; it is logged and stored
        _log.exception("failed")
        return f"Something in senex broke ({type(problem).__name__}: {problem}); it is tried again, report it. [E_BUG]"
    finally:
        renewing.cancel()
        with suppress(asyncio.CancelledError):
            await renewing


async def _renew(outbox: Outbox, outbox_id: int) -> None:
    """Keep the lease. Once Postgres is lost the handler's own transactions decide, so it is left alone."""
    with suppress(Unavailable):
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            await outbox.renew(outbox_id)


async def slot(
    name: str, slot_at: str, timeline: str, *, connection: AsyncConnection, environment: str
) -> int | None:
    """Turn one slot of the schedule into work, once; ``slot_at`` is its ISO instant on its ``timeline``.

    Answers the row, if any, that is the caller's to work on now; the relay offers the others,
    and this one too should the caller die.
    """
    queue = await queue_of(connection, name)
    if queue is None:
        return None
    rows = await claim_slot(
        connection,
        timeline=timeline,
        job=name,
        slot=datetime.fromisoformat(slot_at),
        queue=queue,
        environment=environment,
        leased=queue in QUEUES,
    )
    if not rows:
        return None
    _log.info("slot", job=name, slot=slot_at, rows=len(rows))
    return rows[0] if queue in QUEUES else None
