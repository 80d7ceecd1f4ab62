"""The bench of tier 1 with a worker and a relay of their own processes for the daemon's life."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet

from senex.bus.codec import Pulse
from senex.bus.connection import open_redis
from senex.bus.publisher import QuoteWriter
from senex.config import child_environment
from senex.simulator.market.sessions import new_york
from tests.faults.tier1.bench import Bench, BoardQuotes
from tests.faults.tier1.lines import Fuse
from tests.faults.tier1.trial import UNDERLYING, Broken
from tests.servers import DAEMON, login_url

if TYPE_CHECKING:
    from contextlib import AsyncExitStack
    from datetime import date
    from pathlib import Path

    from daemon.embedded import Endpoints

_PATIENCE = 600.0
"""Seconds after which nothing comes any more, on a machine that does much else."""
_LOOK_AGAIN = 0.05
# nothing due, and nobody at work: what failed or waits has a lease that has not lapsed
_BUSY = """
SELECT count(*) AS busy FROM outbox WHERE done_at IS NULL
    AND (lease_until IS NULL OR lease_until < clock_timestamp() OR (error IS NULL AND offers > 0))
"""


class Nursery:
    """The process that begins and ends the daemon's."""

    async def open(self, stack: AsyncExitStack) -> None:
        """Have it import everything; it ends with the block."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.faults.tier2.nursery"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        stack.push_async_callback(self._close)

    async def begin(self, part: str, settings: dict[str, str], log: Path) -> int:
        """Begin a process of the daemon; the id of the group it leads."""
        return await self._order({"begin": part, "settings": settings, "log": str(log)})

    async def end(self, leader: int) -> None:
        """Kill the group."""
        await self._order({"end": leader})

    async def _order(self, order: dict[str, object]) -> int:
        giving, taking = self._process.stdin, self._process.stdout
        assert giving is not None
        assert taking is not None
        giving.write(json.dumps(order).encode() + b"\n")
        await giving.drain()
        return int(await taking.readline())

    async def _close(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()


class Processes(Bench):
    """What the stories are played on."""

    def __init__(self, numbers: int, *, folder: Path, embedded: Endpoints, nursery: Nursery) -> None:
        super().__init__(numbers, seed=7, lined=True)
        self._folder, self._embedded, self._nursery = folder, embedded, nursery
        self._worker: int | None = None
        self._relay: int | None = None
        self.symbols: set[str] = {UNDERLYING}
        self.kills = 0
        self._key = Fernet.generate_key().decode()
        self._frame = 0

    async def open(self, stack: AsyncExitStack, embedded: Endpoints, template: str) -> None:
        redis = open_redis(embedded.redis.daemon_url())
        stack.push_async_callback(redis.aclose)
        await redis.flushall()  # what the bench before left
        self._writer = QuoteWriter(redis)
        stack.push_async_callback(self._dismiss)
        await super().open(stack, embedded, template)
        quoting = asyncio.create_task(self._quote())
        stack.callback(quoting.cancel)

    async def living(self) -> Any:
        if self._relay is None:
            direct = login_url(self._embedded, DAEMON, self.name)
            self._relay = await self._start("relay", direct)
        if self._worker is None:
            self._worker = await self._start("worker", self.daemon_url)
            self.lives += 1

    async def die(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            await self._nursery.end(worker)
            await self.database.cut()
            await self.broker.cut()
            await self.time_passes(20)  # the lease of what it was at lapses
        self.light(Fuse())

    async def drain(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            await self.living()
            if self.fuse.blown.is_set():
                self.kills += 1
                await self.die()
                continue
            [row] = await self.rows(_BUSY)
            if not row.busy:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_AGAIN):
                    await self.fuse.blown.wait()
        left = await self.rows("SELECT job, subject, offers, error FROM outbox WHERE done_at IS NULL")
        raise Broken("liveness", f"the outbox does not become empty: {left}")

    async def work(self, job: str, account: object) -> None:
        """Have something done that a slot of the schedule asks for."""
        await self.offer(job, account, account)
        await self.drain()

    async def listen(self) -> None:
        """Nobody listens to alerts here: REST alone must do."""

    async def _meet(self) -> None:
        """No process keeps in mind which accounts there are."""

    # -- the market -------------------------------------------------------------------------------

    def next_session(self) -> date:
        """The day of the session after today's."""
        sessions = self.exchange.market.sessions
        return sessions[sessions.last_started(self.clock.now()) + 1].day

    async def go_to(self, day: date, hour: int, minute: int) -> None:
        """It is that time in New York; who follows the clock is told."""
        await self._go(new_york(day, hour, minute) - self.clock.now())

    async def pass_minutes(self, minutes: int) -> None:
        """Market time."""
        await self._go(timedelta(minutes=minutes))

    async def _go(self, far: timedelta) -> None:
        self.exchange.jump(self.exchange.clock.now() + far)
        self.server.services.moved()
        await self.quoted()

    async def _quote(self) -> None:
        """What a streamer does."""
        while True:
            await self.quoted()
            await asyncio.sleep(1)

    async def quoted(self) -> None:
        """Every symbol of a trial is in the cache, and fresh."""
        market = await BoardQuotes(self.exchange, self.clock).snapshot(self.symbols)
        self._frame += 1
        pulse = Pulse("tier2", self._frame, self._frame, connected=True, last_inbound=self.clock.now())
        await self._writer.rewrite(pulse, market.quotes.values(), ())

    # -- processes --------------------------------------------------------------------------------

    async def _start(self, part: str, database: str) -> int:
        tokens = self.simulator.tokens
        basics = {k: v for k, v in child_environment("daemon").items() if not k.startswith("SENEX_")}
        settings = {
            "SENEX_INSTANCE": "tier2",
            "SENEX_ENVIRONMENT": "simulated",
            "SENEX_DATABASE_URL": database,
            "SENEX_DATABASE_DIRECT_URL": login_url(self._embedded, DAEMON, self.name),
            "SENEX_REDIS_URL": self._embedded.redis.daemon_url(),
            "SENEX_BROKER_REST_URL": self.broker.url,
            "SENEX_BROKER_ALERTS_URL": f"ws://127.0.0.1:{self.broker.port}/alerts",
            "SENEX_BROKER_CLIENT_SECRET": tokens.client_secret,
            "SENEX_BROKER_REFRESH_TOKEN": tokens.refresh_token,
            "SENEX_ENCRYPTION_KEYS": self._key,
            "SENEX_CLOCK_URL": f"ws://127.0.0.1:{self.server_port}/clock",
            "SENEX_LOG_DIR": str(self._folder),
        }
        return await self._nursery.begin(part, {**basics, **settings}, self._folder / f"{part}.log")

    async def _dismiss(self) -> None:
        """The relay lives as long as the bench."""
        if self._relay is not None:
            await self._nursery.end(self._relay)
