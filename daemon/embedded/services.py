"""Start and stop one instance's servers together."""

from __future__ import annotations

import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from daemon.embedded.endpoints import Endpoints, PostgresEndpoint, RedisEndpoint
from daemon.embedded.lock import InstanceLock
from daemon.embedded.majors import keep_server
from daemon.embedded.places import Places, find_programs, make_places
from daemon.embedded.postgres import SUPERUSER, PostgresServer
from daemon.embedded.secrets import SecretFiles
from daemon.embedded.storage import storage_errors
from daemon.embedded.valkey import ValkeyServer
from senex.domain.errors import SenexError
from senex.machine import local_console_file, server_account

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from types import TracebackType

    from daemon.embedded.server import Server

_WATCH_SECONDS, _LONGEST_PAUSE = 0.5, 5.0
_log = logging.getLogger(__name__)


class EmbeddedServices:
    """The bundled Postgres and Redis-protocol server of one instance.

    ``start`` adopts servers a killed starter left behind and starts what is
    missing, both at once; ``stop`` ends both cleanly. Between the two this process
    holds the instance's lock. As a context manager it answers the endpoints.
    ``settings`` are Postgres' own, before ours.
    """

    def __init__(
        self, instance: str, *, root: Path | None = None, settings: Mapping[str, str] | None = None
    ) -> None:
        account = server_account()
        self._places: Places = make_places(instance, root, account)
        self._lock = InstanceLock(self._places.lock, instance)
        self._secrets = SecretFiles(self._places.secrets)
        self._account = account
        self._settings = settings
        self._programs = find_programs(account)
        self._servers: tuple[PostgresServer, ValkeyServer] | None = None
        self._closing = threading.Event()
        self._busy = threading.Lock()  # one of start, revive and stop at a time
        self._watcher: threading.Thread | None = None

    @property
    def root(self) -> Path:
        """The instance's folder; there before anything is started."""
        return self._places.root

    def start(self) -> Endpoints:
        """Start both servers and answer where they listen.

        Raises Unavailable (E_INSTANCE_BUSY, E_POSTGRES_START, E_REDIS_START, E_DISK_FULL) or
        UsageProblem (E_READ_ONLY, E_NOT_YOURS …); then nothing this call started is left running.
        """
        with storage_errors(self.root):
            self._lock.acquire()
        try:
            with self._busy, storage_errors(self.root):
                servers = self._servers = self._make_servers()
                ports = self._read_ports()
                _both(servers, lambda server: server.start(ports.get(server.program, 0)))
                self._write_ports(servers)
        except BaseException:
            self.stop()
            raise
        postgres, redis = servers
        return Endpoints(
            instance=self._places.instance,
            root=self._places.root,
            postgres=PostgresEndpoint(
                host=postgres.host,
                port=postgres.port,
                superuser=SUPERUSER,
                superuser_password=self._secrets.read_or_make("postgres_superuser"),
            ),
            redis=RedisEndpoint(
                host=redis.host,
                port=redis.port,
                daemon_password=self._secrets.read_or_make("redis_daemon"),
                console_password=self._secrets.read_or_make("redis_console"),
            ),
            secrets=self._secrets,
        )

    def revive(self) -> tuple[str, ...]:
        """Start dead servers again on their old ports; answer the titles of those that were dead."""
        with self._busy:
            if self._servers is None:
                return ()
            return tuple(server.title for server in self._servers if server.revive())

    def servers(self) -> tuple[tuple[str, int | None, int], ...]:
        """Each server's program, its process while it lives, and how often it was started here."""
        return tuple((one.program, one.pid, one.starts) for one in self._servers or ())

    def keep_server(self) -> None:
        """Keep the bundled Postgres beside the data; see ``majors``."""
        with suppress(OSError):  # without it an upgrade asks for one
            keep_server(self._programs.postgres_bin, self.root.parent)

    def watch(self) -> None:
        """Revive dead servers from now until ``stop``, in a thread of this process."""
        if self._watcher is None:
            self._watcher = threading.Thread(target=self._keep_alive, name="embedded-watch", daemon=True)
            self._watcher.start()

    def stop(self) -> None:
        """Stop both servers and give the instance free; safe to call twice."""
        self._closing.set()
        with self._busy:
            servers, self._servers = self._servers, None
            if servers is not None:
                local_console_file(self._places.root).unlink(missing_ok=True)
                _both(servers, lambda server: server.stop())
        if self._watcher is not None:
            self._watcher.join()
            self._watcher = None
        self._closing.clear()
        self._lock.release()

    def stop_orphans(self) -> None:
        """Stop what a killed starter left running; raises Unavailable while a starter lives."""
        self._lock.acquire()
        self._servers = self._make_servers()
        self.stop()

    def __enter__(self) -> Endpoints:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _keep_alive(self) -> None:
        pause = _WATCH_SECONDS
        while not self._closing.wait(pause):
            try:
                for title in self.revive():
                    _log.warning("the bundled %s had died and was started again", title)
                pause = _WATCH_SECONDS
            except (SenexError, OSError) as problem:
                _log.warning("%s", problem)
                pause = min(pause * 2, _LONGEST_PAUSE)

    def _make_servers(self) -> tuple[PostgresServer, ValkeyServer]:
        places = self._places
        return (
            PostgresServer(
                folder=places.postgres,
                log=places.logs / "postgres.log",
                account=self._account,
                programs=self._programs,
                password=self._secrets.read_or_make("postgres_superuser"),
                settings=self._settings,
            ),
            ValkeyServer(
                folder=places.redis,
                log=places.logs / "redis.log",
                account=self._account,
                executable=self._programs.valkey_server,
                secrets=self._secrets,
            ),
        )

    def _read_ports(self) -> dict[str, int]:
        with suppress(OSError, ValueError):
            stored = json.loads(self._places.ports.read_text(encoding="utf-8"))
            if isinstance(stored, dict):
                return {str(name): port for name, port in stored.items() if isinstance(port, int)}
        return {}

    def _write_ports(self, servers: Iterable[Server]) -> None:
        part = self._places.ports.with_suffix(".part")
        part.write_text(json.dumps({server.program: server.port for server in servers}), encoding="utf-8")
        part.rename(self._places.ports)


def _both(servers: Iterable[Server], action: Callable[[Server], None]) -> None:
    """Run ``action`` on the servers at the same time; raise the first failure once all have ended."""
    with ThreadPoolExecutor() as pool:
        pending = [pool.submit(action, server) for server in servers]
    for result in pending:
        result.result()
