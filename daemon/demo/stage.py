"""Sets the whole of senex up on this machine, and takes all of it down again.

Each process gets its own role's settings only, secrets as files of mode 0600.
Tests build on it too: it is the product's own way to start.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self
from urllib.request import urlopen

from daemon.demo.accounts import account_number, fresh_number
from daemon.embedded import EmbeddedServices
from daemon.embedded.database import DatabaseUrls, ensure_database
from daemon.supervisor import Part, Supervisor, finish, start
from senex.config import child_environment
from senex.domain.errors import SenexError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

    from daemon.embedded import Endpoints
    from senex.config import Role

_READY_WITHIN = 60.0
_LOOK = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """What is to be played. ``fresh`` means a new simulated account with a market of its own."""

    instance: str
    seed: int = 7
    scenario: str = "calm"
    speed: float = 1.0
    fresh: bool = False
    accounts: int = 1
    root: Path | None = None
    parts: tuple[str, ...] = ()
    """Daemon processes to run one by one; none named means the supervisor with all."""


class Stage:
    """``async with Stage(plot) as stage:`` everything runs; afterwards nothing does."""

    def __init__(self, plot: Plot, *, narrate: Callable[[str], None] = lambda _line: None) -> None:
        self._plot = plot
        self._narrate = narrate
        self._stack = AsyncExitStack()
        self.account = ""
        self.clock_url = ""
        self.rest_url = ""
        self.endpoints: Endpoints
        self.urls: DatabaseUrls
        self.services: EmbeddedServices
        self.troupe: dict[str, Supervisor] = {}

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._narrate("stopping")
        await self._stack.aclose()

    @property
    def logs(self) -> Path:
        """Where the processes' logs are."""
        return self.endpoints.root / "logs"

    def console_environment(self) -> dict[str, str]:
        """All a console of this stage may know."""
        return self._environment(
            "console",
            SENEX_CONSOLE_DATABASE_URL_FILE=self._secret("console_database_url", self.urls.console),
            SENEX_CONSOLE_REDIS_URL_FILE=self._secret(
                "console_redis_url", self.endpoints.redis.console_url()
            ),
            SENEX_CLOCK_URL=self.clock_url,
        )

    async def _open(self) -> None:
        self._narrate("starting Postgres and Redis")
        self.services = EmbeddedServices(self._plot.instance, root=self._plot.root)
        self.endpoints = await asyncio.to_thread(self.services.start)
        self._stack.push_async_callback(asyncio.to_thread, self.services.stop)
        self.services.watch()
        self.urls = await asyncio.to_thread(ensure_database, self.endpoints)
        self._narrate("starting the simulated market")
        async with asyncio.TaskGroup() as group:
            group.create_task(self._migrate())
            group.create_task(self._simulate())
        self._narrate("starting the daemon")
        environment = self._daemon_environment()
        for name in self._plot.parts or ("daemon",):
            command = [sys.executable, "-m", "daemon", *self._arguments(name)]
            await self.keep(Part(name, command, environment))

    @staticmethod
    def _arguments(name: str) -> list[str]:
        return [] if name == "daemon" else [name]

    async def keep(self, part: Part) -> None:
        """Run a part under a supervisor of its own until the stage closes, its output in its log."""
        log = (self.logs / f"{part.name}.log").open("ab")
        self._stack.callback(log.close)
        supervisor = Supervisor([replace(part)], output=log)
        self.troupe[part.name] = supervisor
        running = asyncio.create_task(supervisor.run(), name=part.name)

        async def stop() -> None:
            supervisor.stop()
            await running

        self._stack.push_async_callback(stop)

    async def _migrate(self) -> None:
        environment = self._environment(
            "migrator",
            SENEX_MIGRATOR_DATABASE_URL_FILE=self._secret("migrator_database_url", self.urls.owner),
        )
        command = [sys.executable, "-m", "senex", "db", "migrate"]
        process = await start(command, environment, pipe=True)
        try:
            _, said = await process.communicate()
        finally:
            await finish(process)
        if process.returncode:
            lines = said.decode(errors="replace").strip().splitlines() if said else []
            raise SenexError("E_DB_MIGRATE", lines[-1] if lines else "The database could not be migrated.")

    async def _simulate(self) -> None:
        port = _free_port()
        number = fresh_number() if self._plot.fresh else account_number(self._plot.instance)
        self.account = number
        folder = self.endpoints.root / "simulator" / number
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        credentials = folder / "credentials.json"
        command = [sys.executable, "-m", "senex.simulator", "--port", str(port), "--account", number]
        command += ["--seed", str(self._plot.seed), "--scenario", self._plot.scenario]
        command += ["--speed", str(self._plot.speed), "--accounts", str(self._plot.accounts)]
        command += ["--state", str(folder), "--credentials-file", str(credentials)]
        await self.keep(Part("simulator", command, self._environment("simulator")))
        self.rest_url = f"http://127.0.0.1:{port}"
        self.clock_url = f"ws://127.0.0.1:{port}/clock"
        await _answers(f"{self.rest_url}/clock")
        self._credentials = json.loads(credentials.read_text(encoding="utf-8"))

    def _daemon_environment(self) -> dict[str, str]:
        secret = self._secret
        return self._environment(
            "daemon",
            SENEX_DATABASE_URL_FILE=secret("database_url", self.urls.daemon),
            SENEX_REDIS_URL_FILE=secret("redis_url", self.endpoints.redis.daemon_url()),
            SENEX_BROKER_REST_URL=self.rest_url,
            SENEX_BROKER_ALERTS_URL=f"{self.rest_url.replace('http', 'ws', 1)}/alerts",
            SENEX_BROKER_CLIENT_SECRET_FILE=secret("client_secret", self._credentials["client_secret"]),
            SENEX_BROKER_REFRESH_TOKEN_FILE=secret("refresh_token", self._credentials["refresh_token"]),
            SENEX_CLOCK_URL=self.clock_url,
        )

    def _environment(self, role: Role, **settings: str) -> dict[str, str]:
        """The machine's basics and these settings: nothing the operator has set for another installation."""
        basics = {
            name: value for name, value in child_environment(role).items() if not name.startswith("SENEX_")
        }
        return {**basics, "SENEX_INSTANCE": self._plot.instance, "SENEX_ENVIRONMENT": "simulated", **settings}

    def _secret(self, name: str, value: str) -> str:
        return str(self.endpoints.secrets.write(f"run_{name}", value))


def clock_of(url: str) -> Mapping[str, object]:
    """What a market clock says now, asked once."""
    with urlopen(url, timeout=2) as answer:  # noqa: S310  an address of this machine
        said: Mapping[str, object] = json.load(answer)
        return said


async def _answers(url: str) -> None:
    """Return once the simulator answers.

    Raises:
        Unavailable: ``E_SIMULATOR_START``.
    """
    deadline = asyncio.get_running_loop().time() + _READY_WITHIN
    while True:
        try:
            await asyncio.to_thread(clock_of, url)
        except OSError:
            if asyncio.get_running_loop().time() > deadline:
                raise Unavailable(
                    "E_SIMULATOR_START", "The simulator did not start in time; its log says why."
                ) from None
            await asyncio.sleep(_LOOK)
        else:
            return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
