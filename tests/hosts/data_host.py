"""``python -m tests.hosts.data_host``: the host of Postgres and Redis, both reached over the network with TLS only.

Prints one line of JSON with the addresses and serves until it is killed. What a managed Postgres and
Redis would be is here the bundled pair behind the certificates of a private authority.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.embedded import EmbeddedServices
from daemon.embedded.database import ensure_database
from senex.store.migrate import migrate
from tests.hosts.certificates import issue, make_authority
from tests.hosts.pipe import serve, server_side

if TYPE_CHECKING:
    import ssl

POSTGRES, REDIS = 5432, 6379


def main() -> None:
    """Serve the data at ``sys.argv[1]`` from the folder ``sys.argv[2]``."""
    address, folder = sys.argv[1], Path(sys.argv[2])
    authority = make_authority(folder)
    with EmbeddedServices("data", root=folder) as endpoints:
        tls = server_side(*issue(authority, address, folder))
        urls = ensure_database(endpoints)
        migrate(urls.owner, operator="trader")

        def postgres(url: str) -> str:
            return f"{_at(url, address, POSTGRES)}?sslmode=verify-full&sslrootcert={authority.file}"

        def redis(url: str) -> str:
            return (
                f"{_at(url, address, REDIS).replace('redis://', 'rediss://')}?ssl_ca_certs={authority.file}"
            )

        told = {
            "owner": postgres(urls.owner),
            "daemon": postgres(urls.daemon),
            "console": postgres(urls.console),
            "redis": redis(endpoints.redis.daemon_url()),
            "console_redis": redis(endpoints.redis.console_url()),
        }
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        asyncio.run(_serve(address, endpoints.postgres.port, endpoints.redis.port, tls))


async def _serve(address: str, postgres: int, redis: int, tls: ssl.SSLContext) -> None:
    """TLS ends in front of both, as it does where they are managed; the bundled Postgres has none of its own."""
    await asyncio.gather(
        serve(f"{address}:{POSTGRES}", f"127.0.0.1:{postgres}", delay=0, tls=tls, postgres=True),
        serve(f"{address}:{REDIS}", f"127.0.0.1:{redis}", delay=0, tls=tls),
    )


def _at(url: str, address: str, port: int) -> str:
    head, _, rest = url.rpartition("@")
    return f"{head}@{address}:{port}/{rest.partition('/')[2]}"


if __name__ == "__main__":
    main()
