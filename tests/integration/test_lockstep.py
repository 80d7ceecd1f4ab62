"""The whole daemon in lockstep with its market: at every instant all is done before the next one comes."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import psycopg
import pytest

from daemon.demo.stage import Plot, Stage
from senex.bootstrap.console import Console, open_console
from senex.bus.clock import FollowedClock, open_clock
from senex.bus.connection import open_redis
from senex.bus.quotes import RedisQuotes
from senex.config import ConsoleSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(300)
DAEMON = ["scheduler", "streamer", "worker"]
EVERY_FIVE_MINUTES = [f"2026-06-02T14:{minute:02d}:00+00:00" for minute in (5, 10, 15)]


@dataclass
class Seen:
    """What is so when the market asks for the last time before it goes on."""

    tick: int
    undone: int
    slots: list[str]
    streamed: int
    broker_fills: int
    our_fills: int
    report_ages: set[timedelta]


@dataclass
class Examiner:
    """Takes part after the daemon: what it sees at an instant is what the daemon made of it."""

    stage: Stage
    http: aiohttp.ClientSession
    redis: RedisQuotes
    seen: list[Seen] = field(default_factory=list)

    async def clock(self, **body: object) -> dict[str, Any]:
        async with self.http.post(f"{self.stage.rest_url}/clock", json=body) as answer:
            return dict(await answer.json())

    async def joined(self) -> None:
        """Return once the daemon takes part."""
        async with self.http.ws_connect(self.stage.clock_url) as socket:
            while not set(DAEMON) <= set((await socket.receive_json())["lockstep"]["joined"]):
                pass

    async def examine(self) -> None:
        """Look at every instant, until cancelled."""
        async with self.http.ws_connect(self.stage.clock_url) as socket:
            await socket.send_json({"join": "examiner", "rank": 9})
            while True:
                told = await socket.receive_json()
                if "ask" in told:
                    if told["rank"] == 9:
                        self.seen.append(await self._look(told["sequence"], told["instant"]))
                    await socket.send_json({"done": told["ask"], "worked": False})

    async def _look(self, tick: int, instant: str) -> Seen:
        pulse = await self.redis.pulse()
        orders = await self._orders()
        return Seen(
            tick=tick,
            undone=self.sql("SELECT count(*) FROM outbox WHERE done_at IS NULL")[0][0],
            slots=[
                row[0].astimezone(UTC).isoformat()
                for row in self.sql(
                    "SELECT slot FROM job_slot WHERE name = 'monitor_open_orders' ORDER BY slot"
                )
            ],
            streamed=0 if pulse is None else pulse.source_sequence,
            broker_fills=sum(len(leg["fills"]) for order in orders for leg in order["legs"]),
            our_fills=self.sql("SELECT count(*) FROM fill")[0][0],
            report_ages={
                datetime.fromisoformat(instant) - row[0]
                for row in self.sql(
                    "SELECT at FROM source_status WHERE source IN ('quotes', 'alerts', 'token')"
                )
            },
        )

    async def _orders(self) -> list[dict[str, Any]]:
        asked = {"grant_type": "refresh_token", **self.stage._credentials}
        async with self.http.post(f"{self.stage.rest_url}/oauth/token", json=asked) as answer:
            token = (await answer.json())["access_token"]
        path = f"{self.stage.rest_url}/accounts/{self.stage.account}/orders"
        async with self.http.get(path, headers={"Authorization": f"Bearer {token}"}) as answer:
            return list((await answer.json())["data"]["items"])

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.stage.urls.owner) as connection:
            return connection.execute(query.encode()).fetchall()


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[Examiner, Console, FollowedClock]]:
    plot = Plot(instance="lockstep", root=folder, fresh=True, speed=0)
    async with Stage(plot) as stage, aiohttp.ClientSession() as http:
        redis = open_redis(stage.endpoints.redis.daemon_url())
        clock = await asyncio.to_thread(open_clock, stage.clock_url)
        assert isinstance(clock, FollowedClock)
        settings = ConsoleSettings(
            instance="lockstep",
            environment="simulated",
            console_database_url=stage.urls.console,
            console_redis_url=stage.endpoints.redis.console_url(),
            clock_url=stage.clock_url,
        )
        try:
            async with open_console(settings, clock=clock) as console:
                yield Examiner(stage, http, RedisQuotes(redis, "examiner")), console, clock
        finally:
            await redis.aclose()
            clock.close()


async def approved(console: Console, clock: FollowedClock) -> None:
    """A Trident suggested and approved, while the market stands."""
    async with asyncio.timeout(60):
        account = None
        while account is None:
            ready = [one for one in await console.reads.accounts(clock.now()) if one.ready]
            account = ready[0] if ready and ready[0].net_liquidation is not None else None
            await asyncio.sleep(0.05)
    answer = await console.decider.wait_result(await console.decider.suggest(account.id, "QQQ"), 40)
    assert answer.suggestion_id is not None, answer
    suggestion = await console.reads.suggestion(answer.suggestion_id)
    assert suggestion is not None
    await console.decider.wait_result(await console.decider.approve(suggestion, shown_at=clock.now()), 40)


async def test_at_every_instant_all_is_done_before_the_next_one_comes(quick_folder: Path) -> None:
    async with opened(quick_folder) as (examiner, console, clock):
        await examiner.joined()
        await approved(console, clock)
        examining = asyncio.create_task(examiner.examine())
        told = await examiner.clock(wait_for=DAEMON, grid=60, advance=15 * 60)
        examining.cancel()
    seen = examiner.seen
    by_tick = {one.tick: one for one in seen}
    assert told["sequence"] == 3600
    assert sorted(by_tick) == [240 * minute for minute in range(16)]
    assert {one.undone for one in seen} == {0}
    assert [one.streamed for one in by_tick.values()] == list(by_tick)
    # however fast time goes, what is heard of is heard of now
    assert set().union(*(one.report_ages for one in by_tick.values())) == {timedelta(0)}
    assert by_tick[0].our_fills == 0
    assert by_tick[3600].our_fills > 0
    assert all(one.our_fills == one.broker_fills for one in by_tick.values())
    assert [slot for slot in by_tick[3600].slots if slot > "2026-06-02T14:00:00+00:00"] == EVERY_FIVE_MINUTES
    for minute in (5, 10, 15):
        slot = (datetime.fromisoformat("2026-06-02T14:00:00+00:00") + timedelta(minutes=minute)).isoformat()
        assert slot not in by_tick[240 * (minute - 1)].slots
        assert slot in by_tick[240 * minute].slots
