"""What a started instance offers: addresses and secrets, as URLs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from pathlib import Path

    from daemon.embedded.secrets import SecretFiles


@dataclass(frozen=True)
class PostgresEndpoint:
    """The bundled Postgres on 127.0.0.1, every login by SCRAM password."""

    host: str
    port: int
    superuser: str
    superuser_password: str

    def url(self, *, user: str, password: str, database: str) -> str:
        """Answer a ``postgresql://`` URL; psycopg takes it as it is."""
        return f"postgresql://{quote(user)}:{quote(password)}@{self.host}:{self.port}/{quote(database)}"

    def superuser_url(self, database: str = "postgres") -> str:
        return self.url(user=self.superuser, password=self.superuser_password, database=database)


@dataclass(frozen=True)
class RedisEndpoint:
    """The bundled Redis-protocol server on 127.0.0.1 with two users.

    ``daemon`` may do all; ``console`` reads the cache, subscribes and writes its
    leases, all on database 0 (it has no SELECT).
    """

    host: str
    port: int
    daemon_password: str
    console_password: str

    def daemon_url(self, database: int = 0) -> str:
        return f"redis://daemon:{quote(self.daemon_password)}@{self.host}:{self.port}/{database}"

    def console_url(self) -> str:
        return f"redis://console:{quote(self.console_password)}@{self.host}:{self.port}/0"


@dataclass(frozen=True)
class Endpoints:
    """A started instance: where its servers listen and where its files are."""

    instance: str
    root: Path
    postgres: PostgresEndpoint
    redis: RedisEndpoint
    secrets: SecretFiles
