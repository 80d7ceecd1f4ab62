"""What the rows share that run the whole of senex: a folder for it, and waiting for what it does."""

from __future__ import annotations

import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from daemon.embedded import EmbeddedServices
from senex.store.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NAME = "bench"
_WITHIN = 90.0
_LOOK = 0.005


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder the bundled servers' account can reach."""
    with tempfile.TemporaryDirectory(prefix="senex-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextmanager
def open_database() -> Iterator[str]:
    """The URL of a database of its own, on a server of its own, with senex' schema."""
    with open_folder() as folder, EmbeddedServices("bench", root=folder) as endpoints:
        with psycopg.connect(endpoints.postgres.superuser_url(), autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {_NAME} LOGIN SUPERUSER PASSWORD '{_NAME}'")
            connection.execute(f"CREATE DATABASE {_NAME} OWNER {_NAME}")
        url = endpoints.postgres.url(user=_NAME, password=_NAME, database=_NAME)
        migrate(url, operator=_NAME)
        yield url


def until(found: Callable[[], Any]) -> Any:
    """What is found, once it is."""
    deadline = time.monotonic() + _WITHIN
    while not (answer := found()):
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"what was waited for did not come ({found.__qualname__}, line {found.__code__.co_firstlineno})"
            )
        time.sleep(_LOOK)
    return answer
