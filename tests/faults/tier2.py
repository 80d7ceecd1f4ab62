"""Tier 2 of the proof: the daemon's real processes, SIGKILLed once at every message of a story.

``python -m tests.faults.tier2`` counts the messages after which the world is
another (commits, requests to the broker and its answers) that the worker
exchanges from an approval to a position with its targets, one of them filled,
and a cancelled order; then it plays the story once for each of them and kills
the worker's whole family right before it. Books and broker are compared as in tier 1.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import shutil
import signal
import sys
import time
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any

import structlog
from cryptography.fernet import Fernet

from senex.bus.codec import Pulse
from senex.bus.connection import open_redis
from senex.bus.publisher import QuoteWriter
from senex.config import child_environment
from senex.domain.symbols import OptionSymbol
from tests.faults.tier1.bench import Bench, BoardQuotes
from tests.faults.tier1.lines import Fuse
from tests.faults.tier1.trial import UNDERLYING, Broken, Trial
from tests.faults.tier1.verdict import judge
from tests.servers import DAEMON, login_url, make_open_folder, make_template, open_servers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from daemon.embedded import Endpoints

PER_BENCH = 25
_PATIENCE = 60.0
STRUCK = frozenset({"commit", "request", "answer"})
# nothing due, and nobody at work: what failed or waits has a lease that has not lapsed
_BUSY = """
SELECT count(*) AS busy FROM outbox WHERE done_at IS NULL
    AND (lease_until IS NULL OR lease_until < clock_timestamp() OR (error IS NULL AND offers > 0))
"""


class Processes(Bench):
    """The bench of tier 1 with a worker and a relay of their own processes for the daemon's life."""

    def __init__(self, numbers: int, *, folder: Path, embedded: Endpoints) -> None:
        super().__init__(numbers, seed=7, lined=True)
        self._folder, self._embedded = folder, embedded
        self._worker: asyncio.subprocess.Process | None = None
        self.symbols: set[str] = {UNDERLYING}
        self.kills = 0
        self._key = Fernet.generate_key().decode()
        self._frame = 0

    async def open(self, stack: AsyncExitStack, embedded: Endpoints, template: str) -> None:
        redis = open_redis(embedded.redis.daemon_url())
        stack.push_async_callback(redis.aclose)
        self._writer = QuoteWriter(redis)
        self._relay: asyncio.subprocess.Process | None = None
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
            with suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)
            await worker.wait()
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
            await asyncio.sleep(0.02)
        raise Broken("liveness", "the outbox does not become empty")

    async def listen(self) -> None:
        """Nobody listens to alerts here: REST alone must do."""

    async def _start_once(self) -> None:
        await self.drain()

    async def _start(self, part: str, database: str) -> asyncio.subprocess.Process:
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
        with (self._folder / f"{part}.log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "daemon", part),
                env={**basics, **settings},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def _dismiss(self) -> None:
        relay = self._relay
        if relay is not None:
            with suppress(ProcessLookupError):
                os.killpg(relay.pid, signal.SIGKILL)
            await relay.wait()

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


async def story(trial: Trial, bench: Processes, fuse: Fuse) -> None:
    """From an approval to targets, one of them filled; a second entry is cancelled."""
    await trial.begin()
    first, second = await trial.suggest(), await trial.suggest(slot=1)
    bench.symbols |= {
        OptionSymbol.from_occ(leg.symbol).streamer for one in (first, second) for leg in one.proposal.legs
    }
    await bench.quoted()
    bench.light(fuse)
    for suggestion in (first, second):
        await trial.approve(suggestion)
        await bench.drain()
    working = trial.working()
    if working:
        bench.fill(working[0].id)
    await bench.offer("monitor_open_orders", trial.account, trial.account)
    await bench.drain()
    await trial._cancel_one()
    await bench.drain()
    targets = trial.working()
    if targets:
        bench.fill(targets[0].id)
    await bench.offer("reconcile", trial.account, trial.account)
    await bench.drain()


async def hold(
    embedded: Endpoints, template: str, folder: Path, points: list[int | None]
) -> tuple[int, list[str]]:
    """Play the story once for each point; the messages of the last one, and what was violated."""
    violations: list[str] = []
    passed = 0
    for some in _chunks(points):
        async with AsyncExitStack() as stack:
            bench = Processes(len(some), folder=folder, embedded=embedded)
            await bench.open(stack, embedded, template)
            for (number, account), point in zip(bench.accounts, some, strict=True):
                trial = Trial(bench, number, account, "tier2", 0)
                fuse = Fuse(at=point, what=STRUCK)
                try:
                    await story(trial, bench, fuse)
                    passed = fuse.passed
                    await trial.end()
                    await judge(trial)
                except (AssertionError, TimeoutError) as problem:
                    violations.append(f"point {point}: {problem}\n    " + "\n    ".join(trial.told))
                    sys.stderr.write(f"{violations[-1]}\n")
    return passed, violations


def _chunks(points: list[int | None]) -> Iterator[list[int | None]]:
    for first in range(0, len(points), PER_BENCH):
        yield points[first : first + PER_BENCH]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.tier2", description=__doc__)
    parser.add_argument("--point", type=int, help="only this one")
    parser.add_argument("--step", type=int, default=1, help="each so many-th point")
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    began, folder = time.monotonic(), make_open_folder()
    with open_servers() as embedded:
        template = make_template(embedded)
        number, violations = asyncio.run(hold(embedded, template, folder, [None]))
        points = list(range(1, number + 1, asked.step)) if asked.point is None else [asked.point]
        sys.stdout.write(f"{number} messages, {len(points)} of them are struck\n")
        _, more = asyncio.run(hold(embedded, template, folder, list(points)))
        violations += more
    if not violations:
        shutil.rmtree(folder)
    sys.stdout.write(f"{len(violations)} violations, {time.monotonic() - began:.0f} s\n")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
