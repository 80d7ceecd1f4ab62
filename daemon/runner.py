"""Runs jobs on an event loop, with a container and a connection of its own.

The container (``senex.bootstrap.daemon``) is whatever the handlers need: pools,
the broker's session, the clock. A worker keeps one for as long as it lives.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
import time
from concurrent.futures import Future
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from daemon import jobs
from daemon.queues import JOB_SECONDS, RUN
from senex.domain.errors import Unavailable
from senex.store.direct import connect
from senex.store.outbox import HEARD, Outbox, wakes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
    from contextlib import AbstractAsyncContextManager
    from typing import Never

    from daemon.jobs import Handlers
    from senex.store.direct import AsyncConnection

_log = structlog.get_logger("senex.worker")

_DEAF_SECONDS = 1.0
"""After an outage, before new work is listened for again."""
_TURN_SECONDS = 1.0
_TIDY_SECONDS = 60.0
_SELDOM = (50_000, 10, 10)
"""How many more objects have come than gone before the collector walks by itself."""
_OVERDUE_SECONDS, _LOOK_SECONDS = 5.0, 2.0
"""What nobody has offered for so long a worker takes by itself, which it looks for so often: Redis is away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a job needs: where Postgres is, how to build a container, what each job does."""

    direct_url: str
    environment: str
    build: Callable[[], AbstractAsyncContextManager[object]]
    handlers: Handlers
    limit: float = JOB_SECONDS
    warm: Callable[[Any], Awaitable[None]] | None = None
    """What a container is given to do before its worker hears of new work."""


class _Lane:
    """One job after the other, on a connection of its own."""

    def __init__(self, direct_url: str) -> None:
        self._direct_url = direct_url
        self._connection: AsyncConnection | None = None
        self.turn = asyncio.Lock()
        """Held by whoever runs something, wherever it comes from."""

    async def connection(self) -> AsyncConnection:
        """The connection that claims rows, opened anew when Postgres has been away."""
        if self._connection is None or self._connection.closed:
            self._connection = await connect(self._direct_url, name="worker")
        return self._connection

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await self._connection.close()


class Runner:
    """Runs jobs with one container: one after the other, and beside them what moves orders.

    No approval waits for the reading of an account that is under way; claims, locks and
    constraints keep the two apart, as they keep two workers apart.
    """

    def __init__(self, means: Means, *, container: object) -> None:
        self._means = means
        self._container = container
        self._reading = _Lane(means.direct_url)
        self._moving = _Lane(means.direct_url)
        self.heard = 0

    @classmethod
    @asynccontextmanager
    async def open(cls, means: Means) -> AsyncIterator[Runner]:
        """Build the container and connect. Raises what building raises."""
        async with AsyncExitStack() as stack:
            runner = cls(means, container=await stack.enter_async_context(means.build()))
            stack.push_async_callback(runner.close)
            await runner._reading.connection()
            yield runner

    async def warm(self) -> None:
        """Do what would make the first job slow."""
        if self._means.warm is not None:
            await self._means.warm(self._container)

    async def perform(self, function: str, arguments: tuple[Any, ...]) -> None:
        """Run a job named by ``daemon.queues.FUNCTIONS``."""
        async with self._reading.turn:
            connection = await self._reading.connection()
            outbox_id: int | None
            if function == RUN:
                (outbox_id,) = arguments
            else:
                outbox_id = await jobs.slot(
                    *arguments, connection=connection, environment=self._means.environment
                )
            if outbox_id is not None:
                await self._run(outbox_id, Outbox(connection))

    async def hear(self) -> None:
        """Work on new rows of ``HEARD`` as soon as they are committed, without their way through the queue.

        Whatever is missed here, an outage included, the relay offers. It never ends well.
        """
        async with asyncio.TaskGroup() as lanes:
            lanes.create_task(self._hear(self._reading, moving=False))
            lanes.create_task(self._hear(self._moving, moving=True))

    async def rescue(self, queue: str) -> Never:
        """Work on rows of a queue that nobody has offered for long: without Redis nobody can. It never ends well."""
        while True:
            with suppress(Unavailable):
                while await self._overdue(queue):
                    self.heard += 1
            await asyncio.sleep(_LOOK_SECONDS)

    async def _overdue(self, queue: str) -> bool:
        async with self._reading.turn:
            outbox = Outbox(await self._reading.connection())
            outbox_id = await outbox.overdue(queue, older=_OVERDUE_SECONDS)
            if outbox_id is not None:
                await self._run(outbox_id, outbox)
        return outbox_id is not None

    async def _hear(self, lane: _Lane, *, moving: bool) -> Never:
        while True:
            with suppress(Unavailable):
                async with (
                    await connect(self._means.direct_url, name="worker listen") as ears,
                    aclosing(wakes(ears)) as notices,
                ):
                    async for told in notices:
                        while told.may_be(HEARD, moving=moving) and await self._next(lane, moving=moving):
                            self.heard += 1
            await asyncio.sleep(_DEAF_SECONDS)

    async def _next(self, lane: _Lane, *, moving: bool) -> bool:
        """Work on the oldest row of the lane nobody works on, if there is one."""
        async with lane.turn:
            outbox = Outbox(await lane.connection())
            outbox_id = await outbox.hear(moving=moving)
            if outbox_id is not None:
                await self._run(outbox_id, outbox)
        return outbox_id is not None

    async def _run(self, outbox_id: int, outbox: Outbox) -> None:
        means = self._means
        await jobs.run(
            outbox_id, outbox=outbox, container=self._container, handlers=means.handlers, limit=means.limit
        )

    @property
    def idle(self) -> bool:
        """Whether nothing runs."""
        return not (self._reading.turn.locked() or self._moving.turn.locked())

    async def rest(self) -> None:
        """Wait until nothing runs."""
        async with self._reading.turn, self._moving.turn:
            pass

    async def close(self) -> None:
        """Close the connections."""
        await self._reading.close()
        await self._moving.close()


def collect_seldom() -> None:
    """Keep the collector's walks out of work under way: each takes the time of half an approval.

    What is here now stays, so it is left out of them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_SELDOM)


class WarmRunner:
    """A runner in a thread with a loop of its own, so that sessions and pools outlive a job.

    Should it end by itself, a lost lock among the reasons, the process is told to stop.
    """

    def __init__(self, means: Means, *, beside: Callable[[], Coroutine[Any, Any, None]], queue: str) -> None:
        """``beside`` runs next to the jobs on the same loop: the heartbeat, which so proves it turns.

        Work of the ``queue`` ``HEARD`` is done as soon as it is committed, too, that of another once it is overdue.
        """
        self._means = means
        self._beside = beside
        self._queue = queue
        self._turned = time.monotonic()
        self._ready: Future[tuple[asyncio.AbstractEventLoop, Runner]] = Future()
        self._stop = asyncio.Event()
        self.failed = False
        self._thread = threading.Thread(target=self._main, name="jobs", daemon=True)

    def start(self) -> None:
        """Build everything; raises what building raises."""
        self._thread.start()
        self._ready.result()

    def perform(self, function: str, arguments: tuple[Any, ...]) -> None:
        """Run a job there and wait for it."""
        loop, runner = self._ready.result()
        asyncio.run_coroutine_threadsafe(runner.perform(function, arguments), loop).result()

    @property
    def heard(self) -> int:
        """How many rows were worked on without the queue."""
        return self._ready.result()[1].heard

    @property
    def still(self) -> float:
        """Seconds for which the loop has not turned, a moment apart."""
        return time.monotonic() - self._turned

    def stop(self) -> None:
        """Close everything, once what runs has ended."""
        loop, _ = self._ready.result()
        if self._thread.is_alive():
            loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(timeout=5)

    def _main(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as problem:  # noqa: BLE001 - handed to the starter, or ends the process
            if not self._ready.done():
                self._ready.set_exception(problem)
                return
            self.failed = True
            _log.exception("the event loop of the jobs ended")
            os.kill(os.getpid(), signal.SIGTERM)

    async def _serve(self) -> None:
        async with Runner.open(self._means) as runner:
            hears = self._queue == HEARD
            if hears:
                await runner.warm()
            beside = asyncio.create_task(self._beside())
            turning = asyncio.create_task(self._turn(runner))
            hearing = asyncio.create_task(runner.hear() if hears else runner.rescue(self._queue))
            collect_seldom()
            self._ready.set_result((asyncio.get_running_loop(), runner))
            stopping = asyncio.create_task(self._stop.wait())
            await asyncio.wait({stopping, hearing}, return_when=asyncio.FIRST_COMPLETED)
            if hearing.done():
                await hearing  # it never ends well
            await runner.rest()
            for task in (hearing, turning, beside):
                task.cancel()

    async def _turn(self, runner: Runner) -> Never:
        tidied = time.monotonic()
        while True:
            self._turned = time.monotonic()
            if self._turned - tidied > _TIDY_SECONDS and runner.idle:
                gc.collect()
                tidied = self._turned
            await asyncio.sleep(_TURN_SECONDS)
