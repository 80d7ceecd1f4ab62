"""What the fault tests share: the whole of senex running, a console on it, and the broker's own word."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

import aiohttp
import psutil
import psycopg
from psycopg.rows import namedtuple_row

from daemon.demo.stage import Plot, Stage
from senex.bootstrap.console import Console, open_console
from senex.bus.clock import FollowedClock, open_clock
from senex.config import ConsoleSettings, child_environment
from senex.domain.errors import Unavailable
from senex.machine import local_console_file
from senex.simulator.books.export import export_log
from tests.faults.faulty_proxy import FaultyProxy
from tests.waiting import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path
    from uuid import UUID

    from daemon.supervisor import Part
    from senex.ports.views import (
        AccountView,
        DecisionResultView,
        OrderView,
        PositionView,
        SourceView,
        SuggestionView,
    )

    Found = TypeVar("Found")

PARTS = ("relay", "worker", "streamer", "scheduler")
INSTANCE = "faults"
ACCOUNTS = 10


@dataclass
class Ended:
    """A program that was run to its end."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> dict[str, Any]:
        """Its one line of JSON."""
        assert self.code == 0, self.err
        return dict(json.loads(self.out))


@dataclass
class World:
    """One senex with several simulated accounts; each test takes fresh ones."""

    stage: Stage
    proxy: FaultyProxy
    console: Console
    clock: FollowedClock
    http: aiohttp.ClientSession
    accounts: int
    _next: count[int] = field(default_factory=lambda: count(1))
    _kept: dict[str, Part] = field(default_factory=dict)

    # what consoles do

    async def account(self) -> AccountView:
        """An account no other test has used, once it is ready."""
        return await self.account_at(next(self._next))

    async def idle_account(self) -> AccountView:
        """The account of all tests in which nothing may be sent."""
        return await self.account_at(0)

    async def account_at(self, place: int) -> AccountView:
        """One of the accounts, once it is ready."""
        return await self.until("the account is ready", lambda: self._ready(place))

    async def decided(self, decision: UUID) -> DecisionResultView:
        """The daemon's answer."""
        return await self.console.decider.wait_result(decision, PATIENCE)

    async def suggest(self, account: AccountView, symbol: str = "QQQ") -> SuggestionView:
        """A suggestion, asked for again while the quotes are too old, as an operator would."""

        async def offered() -> UUID | None:
            answer = await self.decided(await self.console.decider.suggest(account.id, symbol))
            assert answer.suggestion_id is not None or " s old (limit" in answer.message, answer
            return answer.suggestion_id

        found = await self.console.reads.suggestion(await self.until("a trade is offered", offered))
        assert found is not None
        return found

    async def approve(self, suggestion: SuggestionView) -> UUID:
        return await self.console.decider.approve(suggestion, shown_at=self.clock.now())

    async def order(self, order_id: UUID) -> OrderView:
        found = await self.console.reads.order(order_id)
        assert found is not None
        return found

    async def protected(self, account: AccountView) -> PositionView:
        """The account's one position, once all its targets work."""

        async def look() -> PositionView | None:
            positions = await self.console.reads.positions(account_id=account.id)
            if not positions:
                return None
            [position] = positions
            targets = [spread.target for spread in position.spreads if spread.target_share is not None]
            working = [one for one in targets if one is not None and one.status == "working"]
            return position if len(working) == 3 else None

        return await self.until("the position has its targets", look)

    async def sources(self) -> dict[str, SourceView]:
        return {each.source: each for each in await self.console.reads.sources()}

    async def until(self, what: str, look: Callable[[], Awaitable[Found | None]]) -> Found:
        """Look until there is something, whoever is away meanwhile."""

        async def seen() -> Found | None:
            with suppress(Unavailable):
                return await look()
            return None

        return await until(seen, what)

    def sql(self, query: str, *values: object) -> list[Any]:
        """Look into the books as their owner, whose password may have been rotated; columns have their names."""
        with psycopg.connect(
            self.secret("run_migrator_database_url"), row_factory=namedtuple_row
        ) as connection:
            cursor = connection.execute(query.encode(), values)
            return cursor.fetchall() if cursor.description else []

    # the broker's own word, asked past the proxy

    async def broker_orders(self, account: AccountView) -> list[dict[str, Any]]:
        """Every order the broker ever took for the account."""
        told = await self._broker(f"/accounts/{account.number}/orders", {"per-page": "2000"})
        return list(told["items"])

    async def of_accounts(self, path: str) -> list[dict[str, Any]]:
        """What the broker answers about each account."""
        numbers = [number for (number,) in self.sql("SELECT number FROM account ORDER BY number")]
        return [await self._broker(f"/accounts/{number}{path}", {}) for number in numbers]

    def broker_log(self, kind: str) -> list[dict[str, Any]]:
        """The simulator's own log: order, fill or transaction."""
        [books] = (self.stage.services.root / "simulator").iterdir()
        return [one for one in map(json.loads, export_log(books)) if one["log"] == kind]

    async def _broker(self, path: str, asking: Mapping[str, str]) -> dict[str, Any]:
        asked = {"grant_type": "refresh_token", **self.credentials}
        async with self.http.post(f"{self.stage.rest_url}/oauth/token", json=asked) as answer:
            token = (await answer.json())["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        async with self.http.get(f"{self.stage.rest_url}{path}", params=asking, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            return dict((await answer.json())["data"])

    async def expect_orders(self, account: AccountView, number: int) -> list[dict[str, Any]]:
        """Exactly so many orders were ever taken, each under its own name, none sent twice."""
        orders = await self.broker_orders(account)
        names = [order.get("external-identifier") for order in orders]
        assert len(orders) == number, names
        assert len(set(names)) == number, names
        sent = [json.loads(each.body)["external-identifier"] for each in self.posts(account)]
        assert len(set(sent)) == len(sent), sent
        return orders

    def posts(self, account: AccountView) -> list[Any]:
        """Every submission senex tried for the account."""
        ending = f"/accounts/{account.number}/orders"
        return [each for each in self.proxy.seen if each.method == "POST" and each.path.endswith(ending)]

    @property
    def credentials(self) -> dict[str, str]:
        return dict(self.stage._credentials)

    async def set_clock(self, **body: object) -> None:
        """Move or stop the market."""
        async with self.http.post(f"{self.stage.rest_url}/clock", json=body) as answer:
            assert answer.status == 200, await answer.text()

    # processes

    def process(self, part: str) -> psutil.Process:
        """The main process of a part."""
        wanted = ["-m", *self._words(part)]
        for child in psutil.Process().children():
            with suppress(psutil.Error):
                words = child.cmdline()
                if words[1 : 1 + len(wanted)] == wanted:
                    return child
        raise AssertionError(f"{part} does not run")

    def kill(self, part: str) -> None:
        """SIGKILL for the whole family of a part; its supervisor starts it again."""
        os.killpg(self.process(part).pid, signal.SIGKILL)

    async def take_away(self, part: str) -> None:
        """End a part and keep it away until ``bring_back``."""
        supervisor = self.stage.troupe[part]
        self._kept[part] = supervisor._parts[0]
        self.kill(part)
        supervisor.stop()

    async def bring_back(self, part: str) -> None:
        await self.stage.keep(self._kept.pop(part))

    def kill_server(self, program: str) -> None:
        """SIGKILL for a bundled server and all its children."""
        root = str(self.stage.endpoints.root)
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.name() == program and process.cwd().startswith(root):
                    process.kill()

    async def heal(self) -> None:
        """Bring back whatever was taken away."""
        self.proxy.heal()
        for part in list(self._kept):
            await self.bring_back(part)
        await self.until("the market answers", self._market_goes_on)

    async def start(self, *words: str) -> asyncio.subprocess.Process:
        """A program of senex with what a console may know."""
        return await _started(words, self.stage.console_environment())

    async def run(self, *words: str) -> Ended:
        """A console's program, to its end."""
        return await _end(await self.start(*words))

    async def administer(self, *words: str, version: Path | None = None, **settings: str) -> Ended:
        """A command of senex as an administrator of this machine runs it, of a version that lies elsewhere."""
        ours = {
            "XDG_DATA_HOME": str(self.stage.services.root.parents[1]),
            "SENEX_INSTANCE": INSTANCE,
            "SENEX_ENVIRONMENT": "simulated",
        }
        environment = child_environment("demo") | ours | settings
        return await _end(await _started(["senex", *words], environment, version))

    def secret(self, name: str) -> str:
        """What a file of a secret says."""
        return (self.stage.endpoints.secrets.folder / name).read_text(encoding="utf-8").strip()

    async def story(self, account: AccountView, symbol: str = "QQQ", *, timeout: float = PATIENCE) -> Ended:
        """The headless story; the market goes on afterwards."""
        words = ["--symbol", symbol, "--account", account.number, "--timeout", str(timeout), "--json"]
        try:
            return await self.run("senex.cli.story", *words)
        finally:
            await self.set_clock(speed=1)

    async def _market_goes_on(self) -> bool:
        try:
            await self.set_clock(speed=1)
        except aiohttp.ClientError:
            return False
        return True

    def _words(self, part: str) -> Sequence[str]:
        return ["senex.simulator"] if part == "simulator" else ["daemon", part]

    async def _ready(self, place: int) -> AccountView | None:
        accounts = sorted(await self.console.reads.accounts(self.clock.now()), key=lambda one: one.number)
        if len(accounts) < self.accounts:
            return None
        one = accounts[place]
        return one if one.ready and one.net_liquidation is not None else None


@asynccontextmanager
async def open_world(folder: Path, *, accounts: int = ACCOUNTS, **settings: str) -> AsyncIterator[World]:
    """Everything, each process of the daemon on its own, the proxy before the broker; in a data folder of its own."""
    async with AsyncExitStack() as stack:
        proxy = FaultyProxy()
        await proxy.start()
        stack.push_async_callback(proxy.close)
        plot = Plot(
            instance=INSTANCE,
            root=folder / "senex",
            accounts=accounts,
            parts=PARTS,
            rest_via=proxy.stand_before,
            settings=settings,
        )
        stage = await stack.enter_async_context(Stage(plot))
        clock = await asyncio.to_thread(open_clock, stage.clock_url)
        assert isinstance(clock, FollowedClock)
        stack.callback(clock.close)
        console = await stack.enter_async_context(console_of(stage, clock))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        yield World(stage, proxy, console, clock, http, accounts)
        for part in PARTS:  # all at once
            stage.troupe[part].stop()


def console_of(stage: Stage, clock: FollowedClock) -> AbstractAsyncContextManager[Console]:
    """Another console on connections of its own, by what its file says now."""
    told = json.loads(local_console_file(stage.services.root).read_text(encoding="utf-8"))
    return open_console(ConsoleSettings(instance=INSTANCE, **told), clock=clock)


async def _started(
    words: Sequence[str], environment: Mapping[str, str], where: Path | None = None
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *words),
        env=environment,
        cwd=where,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def _end(process: asyncio.subprocess.Process) -> Ended:
    out, err = await process.communicate()
    return Ended(process.returncode or 0, out.decode(), err.decode())
