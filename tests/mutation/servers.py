"""Postgres, Redis and a migrated template in a process of their own; what a child needs to know, pickled."""

from __future__ import annotations

import os
import pickle
import signal
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daemon.embedded import Endpoints


class Servers:
    """All children share them. The caller imports nothing of senex for it."""

    def __enter__(self) -> bytes:
        reading, writing = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            _serve(writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            return pipe.read()

    def __exit__(self, *_: object) -> None:
        os.kill(self._pid, signal.SIGINT)
        os.waitpid(self._pid, 0)


def _serve(writing: int) -> None:
    from tests.servers import make_template, open_servers

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's job in the background ignores it
    with suppress(KeyboardInterrupt), open_servers() as embedded:
        told = pickle.dumps((embedded, make_template(embedded)))
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(told)
        signal.pause()
    os._exit(0)


def share(world: bytes, *, template: str = "") -> None:
    """In a child: the tests use these servers, and another template where one is given."""
    import tests.servers

    embedded, usual = pickle.loads(world)  # noqa: S301  our own, through a pipe

    @contextmanager
    def shared() -> Iterator[Endpoints]:
        yield embedded

    tests.servers.open_servers = shared
    tests.servers.make_template = lambda embedded: template or str(usual)  # noqa: ARG005  the real one's name
