"""Sets the whole of senex up on this machine, and takes all of it down again.

Each process gets its own role's settings only, secrets as files of mode 0600.
Tests build on it too: it is the product's own way to start.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Self

from cryptography.fernet import Fernet

from daemon.demo.accounts import account_number, fresh_number
from daemon.demo.market import clock_of, reopen
from daemon.embedded import EmbeddedServices
from daemon.embedded.database import DatabaseUrls, ensure_database
from daemon.embedded.processes import free_port, last_line
from daemon.embedded.storage import storage_errors
from daemon.supervisor import Part, Supervisor, finish, start
from senex.config import Environment, child_environment, login_name
from senex.domain.errors import Unavailable, UsageProblem
from senex.machine import local_console_file
from senex.simulator.books.journal import STATE_FORMAT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path
    from types import TracebackType

    from daemon.embedded import Endpoints
    from senex.config import Role

_READY_WITHIN = 60.0
_BUSY_WITHIN = 3.0
_MIGRATE = "daemon.demo.migrating"
_BACKUP = "SENEX_BACKUP_"
_LOOK = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """What is to be played. ``fresh`` means a new simulated account with a market of its own."""

    instance: str
    seed: int = 7
    scenario: str = "calm"
    speed: float = 1.0
    fresh: bool = False
    begins: str | None = None
    """When a fresh market begins, as ``senex simulator --start``; None leaves it to the simulator."""
    accounts: int = 1
    root: Path | None = None
    parts: tuple[str, ...] = ()
    """Daemon processes to run one by one; none named means the supervisor with all."""
    rest_via: Callable[[str], str] | None = None
    """Given the simulator's REST address, the address the daemon is to use: somebody stands between."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """More of the daemon's settings, by the names of their variables."""
    environment: Environment = Environment.SIMULATED
    """Any but the first is played at the broker that ``settings`` name, without a simulator."""
    permit: Callable[[Mapping[str, str]], Awaitable[None]] | None = None
    """Asked, with the daemon's environment, before a process of the daemon runs; raises what forbids it."""


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
        self._running: dict[str, asyncio.Task[None]] = {}
        self._told: dict[str, Path] = {}

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
        return self.services.root / "logs"

    def console_environment(self) -> dict[str, str]:
        """All a console of this stage may know."""
        return self._environment(
            "console",
            SENEX_CONSOLE_DATABASE_URL_FILE=self._secret("console_database_url", self.urls.console),
            SENEX_CONSOLE_REDIS_URL_FILE=self._secret(
                "console_redis_url", self.endpoints.redis.console_url()
            ),
            **self._clock(),
        )

    def _clock(self) -> dict[str, str]:
        """A simulated market has its own time, any other ours."""
        return {"SENEX_CLOCK_URL": self.clock_url} if self._simulated else {}

    @property
    def _simulated(self) -> bool:
        return self._plot.environment is Environment.SIMULATED

    async def _open(self) -> None:
        """Start what needs nothing, at once; then what needs it."""
        market = " and a simulated market" if self._simulated else ""
        self._narrate(f"starting Postgres, Redis{market}")
        self.services = EmbeddedServices(self._plot.instance, root=self._plot.root)
        self._stack.push_async_callback(asyncio.to_thread, self.services.stop)
        self._keep_apart()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._serve())
                if self._simulated:
                    group.create_task(self._simulate())
                # half a second of imports, while the servers start
                group.create_task(asyncio.to_thread(import_module, _MIGRATE))
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from several
        if self._plot.permit is not None:
            await self._migrate()  # a token may be kept in the database
            await self._plot.permit(self._daemon_environment())
        self._narrate("starting the daemon")
        for name in self._plot.parts or ("daemon",):
            await self.employ(name)
        if self._plot.permit is None:
            await self._migrate()  # the daemon waits for its schema by itself
        self._tell_commands()

    async def _migrate(self) -> None:
        migrating = import_module(_MIGRATE)

        def keep() -> str | None:
            problem: str | None = migrating.back_up(self.services.root.parent, self._backup_environment())
            return problem

        told = {"operator": login_name(), "keep": keep, "narrate": self._narrate}
        await asyncio.to_thread(migrating.migrate, self.urls.owner, **told)

    def _backup_environment(self) -> dict[str, str]:
        """Where the operator has backups go; else into the instance's folder."""
        folder = self.services.root / "backups"
        given = {name: value for name, value in self._plot.settings.items() if name.startswith(_BACKUP)}
        if f"{_BACKUP}FOLDER" not in given:
            folder.mkdir(mode=0o700, exist_ok=True)
            given[f"{_BACKUP}FOLDER"] = str(folder)
        given[f"{_BACKUP}DATABASE_URL_FILE"] = self._secret("backup_database_url", self.urls.backup)
        return self._environment("backup", **given)

    def _keep_apart(self) -> None:
        """Books of one environment never become another's.

        Raises:
            UsageProblem: ``E_UP_ENVIRONMENT``.
        """
        root, wanted = self.services.root, str(self._plot.environment)
        kept = root / "environment"
        if kept.exists():
            known = kept.read_text(encoding="utf-8").strip()
        else:
            known = str(Environment.SIMULATED) if (root / "postgres").exists() else wanted
        if known != wanted:
            raise UsageProblem(
                "E_UP_ENVIRONMENT",
                f"The instance '{self._plot.instance}' holds {known} books, and the environment is {wanted}; name "
                f"another instance for it with SENEX_INSTANCE, such as SENEX_INSTANCE={wanted}.",
            )
        if not kept.exists():
            with storage_errors(root):
                kept.write_text(wanted + "\n", encoding="utf-8")

    def _tell_commands(self) -> None:
        """Leave the console's settings where commands in other terminals look; the services take them away."""
        settings = {
            "environment": str(self._plot.environment),
            "console_database_url": self.urls.console,
            "console_redis_url": self.endpoints.redis.console_url(),
            **({"clock_url": self.clock_url} if self._simulated else {}),
        }
        self._secret("migrator_database_url", self.urls.owner)  # for `senex secrets` and `senex upgrade`
        self._secret("backup_database_url", self.urls.backup)
        self._secret("console_database_url", self.urls.console)
        self._secret("console_redis_url", self.endpoints.redis.console_url())
        self.endpoints.secrets.write(local_console_file(self.services.root).name, json.dumps(settings))

    async def _serve(self) -> None:
        """Start the servers, and somebody who stops them should this process be killed."""
        self.endpoints = await _started(self.services)
        guard = [sys.executable, "-m", "daemon.embedded", "guard", "--instance", self._plot.instance]
        if self._plot.root is not None:
            guard += ["--root", str(self._plot.root)]
        guarding = await start(guard, self._environment("demo"), gently=True)
        self._stack.push_async_callback(finish, guarding, grace=0)
        self.services.watch()
        self.urls = await asyncio.to_thread(ensure_database, self.endpoints)
        if not self._plot.fresh:
            await asyncio.to_thread(self.services.keep_server)

    @staticmethod
    def _arguments(name: str) -> list[str]:
        return [] if name == "daemon" else [name]

    async def employ(self, name: str) -> None:
        """Run the daemon, or one process of it, until the stage closes or ``dismiss``."""
        command = [sys.executable, "-m", "daemon", *self._arguments(name)]
        await self.keep(Part(name, command, self._daemon_environment()))

    def check(self) -> None:
        """Raise what ended a keeper of a part, which nothing should."""
        for keeper in self._running.values():
            if keeper.done():
                keeper.result()

    async def dismiss(self, name: str) -> None:
        """End one process before the stage closes."""
        self.troupe[name].stop()
        await self._running[name]

    async def keep(self, part: Part) -> None:
        """Run a part under a supervisor of its own until the stage closes, its output in its log."""
        log = (self.logs / f"{part.name}.log").open("ab")
        self._stack.callback(log.close)
        supervisor = Supervisor([part], output=log)
        self.troupe[part.name] = supervisor
        running = self._running[part.name] = asyncio.create_task(supervisor.run(), name=part.name)

        async def stop() -> None:
            supervisor.stop()
            await running

        self._stack.push_async_callback(stop)

    async def _simulate(self) -> None:
        port = free_port()
        folder = self._books()
        credentials = folder / "credentials.json"
        command = [sys.executable, "-m", "senex.simulator", "--port", str(port), "--account", self.account]
        command += ["--seed", str(self._plot.seed), "--scenario", self._plot.scenario]
        command += ["--speed", str(self._plot.speed), "--accounts", str(self._plot.accounts)]
        command += ["--state", str(folder), "--credentials-file", str(credentials)]
        if self._plot.begins is not None:
            command += ["--start", self._plot.begins]
        await self.keep(Part("simulator", command, self._environment("simulator")))
        self.rest_url = f"http://127.0.0.1:{port}"
        self.clock_url = f"ws://127.0.0.1:{port}/clock"
        await self._answers(f"{self.rest_url}/clock")
        if not self._plot.fresh:
            await asyncio.to_thread(reopen, f"{self.rest_url}/clock")
        self._credentials = json.loads(credentials.read_text(encoding="utf-8"))

    def _books(self) -> Path:
        """The folder of the simulator's books, and with it the account.

        Each seed and scenario has a market of its own: one account cannot have two pasts.
        """
        simulators = self.services.root / "simulator"
        simulators.mkdir(mode=0o700, exist_ok=True)
        if self._plot.fresh:
            self.account = fresh_number()
            folder = simulators / self.account
            self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
        else:
            # books of another simulator stay where they are: this one's market begins anew, on an account of its own
            market = f"{self._plot.instance}-{self._plot.scenario}-{self._plot.seed}-{STATE_FORMAT}"
            self.account = account_number(market)
            folder = simulators / market
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    async def _answers(self, url: str) -> None:
        """Return once the simulator answers.

        Raises:
            Unavailable: ``E_SIMULATOR_START``.
        """
        deadline = asyncio.get_running_loop().time() + _READY_WITHIN
        while True:
            try:
                await asyncio.to_thread(clock_of, url)
            except OSError:
                failed = "simulator" in self.troupe["simulator"].ended
                if failed or asyncio.get_running_loop().time() > deadline:
                    log = self.logs / "simulator.log"
                    raise Unavailable(
                        "E_SIMULATOR_START", f"The simulated market did not start: {last_line(log)} ({log})."
                    ) from None
                await asyncio.sleep(_LOOK)
            else:
                return

    def _daemon_environment(self) -> dict[str, str]:
        secret = self._secret
        ours = {
            "SENEX_DATABASE_URL_FILE": secret("database_url", self.urls.daemon),
            "SENEX_REDIS_URL_FILE": secret("redis_url", self.endpoints.redis.daemon_url()),
            "SENEX_ENCRYPTION_KEYS_FILE": str(self._encryption_key()),
            "SENEX_LOG_DIR": str(self.logs),
            **(self._simulated_broker() if self._simulated else {}),
            **self._clock(),
        }
        ours |= self._plot.settings  # the operator's may be the same
        return self._environment("daemon", **ours)

    def _simulated_broker(self) -> dict[str, str]:
        rest, credentials = self.rest_url, self._credentials
        return {
            "SENEX_BROKER_REST_URL": self._plot.rest_via(rest) if self._plot.rest_via else rest,
            "SENEX_BROKER_ALERTS_URL": f"{rest.replace('http', 'ws', 1)}/alerts",
            "SENEX_BROKER_CLIENT_SECRET_FILE": self._secret("client_secret", credentials["client_secret"]),
            "SENEX_BROKER_REFRESH_TOKEN_FILE": self._secret("refresh_token", credentials["refresh_token"]),
        }

    def _encryption_key(self) -> Path:
        self.endpoints.secrets.read_or_make("encryption_key", lambda: Fernet.generate_key().decode())
        return self.endpoints.secrets.folder / "encryption_key"

    def _environment(self, role: Role, **settings: str) -> dict[str, str]:
        """The machine's basics and these settings: nothing the operator has set for another installation."""
        basics = {
            name: value for name, value in child_environment(role).items() if not name.startswith("SENEX_")
        }
        environment = str(self._plot.environment)
        return {
            **basics,
            "SENEX_INSTANCE": self._plot.instance,
            "SENEX_ENVIRONMENT": environment,
            **settings,
        }

    def _secret(self, name: str, value: str) -> str:
        """The file of a secret, written once: it may be rotated while this runs."""
        if name not in self._told:
            self._told[name] = self.endpoints.secrets.write(f"run_{name}", value)
        return str(self._told[name])


async def _started(services: EmbeddedServices) -> Endpoints:
    """Start the servers, after those of a killed demo have been stopped.

    Raises:
        Unavailable: as ``EmbeddedServices.start``.
    """
    deadline = asyncio.get_running_loop().time() + _BUSY_WITHIN
    while True:
        try:
            return await asyncio.to_thread(services.start)
        except Unavailable as problem:
            if problem.code != "E_INSTANCE_BUSY" or asyncio.get_running_loop().time() > deadline:
                raise
        await asyncio.sleep(_LOOK)
