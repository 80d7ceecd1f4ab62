"""The whole of senex in lockstep with a simulated market, and both sides' books to look into."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import aiohttp
import psutil
import psycopg
from psycopg.rows import namedtuple_row

from daemon.demo.stage import Plot, Stage
from senex.bootstrap.console import Console, open_console
from senex.bus.clock import FollowedClock, open_clock
from senex.config import ConsoleSettings
from senex.simulator.books.export import export_log
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from senex.ports.views import AccountView

INSTANCE = "soak"
DAEMON = ["scheduler", "streamer", "worker"]
_READY_WITHIN, _RESTS_WITHIN = 180.0, 60.0


@dataclass
class World:
    """One senex, its console and its market."""

    stage: Stage
    console: Console
    clock: FollowedClock
    http: aiohttp.ClientSession
    books: Path

    async def account(self) -> AccountView:
        """The account, once it is ready."""

        async def look() -> AccountView | None:
            ready = [one for one in await self.console.reads.accounts(self.clock.now()) if one.ready]
            return ready[0] if ready and ready[0].net_liquidation is not None else None

        return await until(look, "the account is ready", seconds=_READY_WITHIN)

    # the market

    async def move(self, to: datetime, *, grid: float) -> dict[str, Any]:
        """Go on in lockstep; answers once everybody has digested the last instant."""
        ahead = (to - await self.instant()).total_seconds()
        if ahead <= 0:
            return {}
        return await self._clock({"grid": grid, "advance": ahead, "wait_for": DAEMON})

    async def instant(self) -> datetime:
        """Market time as the market has it."""
        async with self.http.get(f"{self.stage.rest_url}/clock") as answer:
            return datetime.fromisoformat((await answer.json())["instant"])

    async def waiting(self) -> tuple[int, tuple[str, ...]]:
        """Turns taken, and who is waited for at this moment."""
        async with self.http.get(f"{self.stage.rest_url}/clock") as answer:
            told = (await answer.json())["lockstep"]
        return int(told["turns"]), tuple(told["waiting"])

    async def joined(self) -> None:
        """Return once the daemon takes part."""
        async with self.http.ws_connect(self.stage.clock_url) as socket:
            while not set(DAEMON) <= set((await socket.receive_json())["lockstep"]["joined"]):
                pass

    async def _clock(self, body: dict[str, Any]) -> dict[str, Any]:
        async with self.http.post(f"{self.stage.rest_url}/clock", json=body) as answer:
            assert answer.status == 200, await answer.text()
            return dict(await answer.json())

    # the broker's own word

    async def broker(self, path: str) -> dict[str, Any]:
        """What the broker answers about the account."""
        return await self._broker("GET", f"/accounts/{self.stage.account}{path}")

    async def of_accounts(self, path: str) -> list[dict[str, Any]]:
        """The same, as of all accounts; there is one."""
        return [await self.broker(path)]

    async def market(self, path: str) -> dict[str, Any]:
        """What the broker answers about the market."""
        return await self._broker("GET", path)

    async def order(self, body: dict[str, Any]) -> dict[str, Any]:
        """What somebody orders at the broker's own site."""
        return await self._broker("POST", f"/accounts/{self.stage.account}/orders", body)

    async def _broker(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        asked = {"grant_type": "refresh_token", **self.stage._credentials}
        async with self.http.post(f"{self.stage.rest_url}/oauth/token", json=asked) as answer:
            token = (await answer.json())["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        async with self.http.request(
            method, f"{self.stage.rest_url}{path}", headers=headers, json=body
        ) as answer:
            assert answer.status in (200, 201), await answer.text()
            return dict((await answer.json())["data"])

    def broker_log(self, kind: str) -> list[dict[str, Any]]:
        """The simulator's own log: order, fill or transaction."""
        return [one for one in map(json.loads, export_log(self.books)) if one["log"] == kind]

    # our books

    def sql(self, query: str, *values: object) -> list[Any]:
        """Look into the books as their owner."""
        with psycopg.connect(self.stage.urls.owner, row_factory=namedtuple_row) as connection:
            cursor = connection.execute(query.encode(), values)
            return cursor.fetchall() if cursor.description else []

    async def rest(self) -> None:
        """Return once no work waits, or after so long that none of it will be done."""

        async def done() -> bool:
            return not self.sql("SELECT id FROM outbox WHERE done_at IS NULL LIMIT 1")

        with suppress(AssertionError):  # what is left is for the verdict
            await until(done, "nothing waits", seconds=_RESTS_WITHIN)

    # processes

    def family(self) -> dict[str, psutil.Process]:
        """The long-lived processes of the daemon by name."""
        found = {}
        for child in psutil.Process().children():
            with suppress(psutil.Error):
                if child.cmdline()[1:] == ["-m", "daemon"]:
                    found["supervisor"] = child
                    for part in child.children():
                        words = part.cmdline()
                        found[words[-1]] = part
                        if words[-1] == "worker":
                            found |= {f"worker {place}": one for place, one in enumerate(part.children())}
        return found


@asynccontextmanager
async def open_world(
    root: Path, *, seed: int, begins: datetime, settings: dict[str, str], scenario: str = "calm"
) -> AsyncIterator[World]:
    """Everything, on a fresh account, its market standing."""
    plot = Plot(
        instance=INSTANCE,
        root=root,
        seed=seed,
        scenario=scenario,
        fresh=True,
        speed=0,
        begins=begins.isoformat(),
        settings=settings,
    )
    async with AsyncExitStack() as stack:
        stage = await stack.enter_async_context(Stage(plot))
        clock = await asyncio.to_thread(open_clock, stage.clock_url)
        assert isinstance(clock, FollowedClock)
        stack.callback(clock.close)
        asked = ConsoleSettings(
            instance=INSTANCE,
            environment="simulated",
            console_database_url=stage.urls.console,
            console_redis_url=stage.endpoints.redis.console_url(),
            clock_url=stage.clock_url,
        )
        console = await stack.enter_async_context(open_console(asked, clock=clock))
        http = await stack.enter_async_context(
            aiohttp.ClientSession(trust_env=False, timeout=aiohttp.ClientTimeout(total=None))
        )
        books = stage.services.root / "simulator" / stage.account
        yield World(stage, console, clock, http, books)
