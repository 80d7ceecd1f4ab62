"""A simulator in its own process for the benchmark rows, and what it cost there."""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from senex.simulator.assembly import Options, assemble
from senex.simulator.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection


@dataclass(frozen=True, slots=True)
class Started:
    """How to reach it."""

    rest: str
    secret: str
    refresh: str
    account: str
    pipe: Connection

    def usage(self) -> tuple[float, float]:
        """Processor seconds so far, and the most memory so far in MB."""
        return usage(self.pipe)


@contextmanager
def simulator(**options: Any) -> Iterator[Started]:
    """A simulator with options, for the block."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(there, options), daemon=True)
    process.start()
    try:
        rest, secret, refresh, account = here.recv()
        yield Started(rest, secret, refresh, account, here)
    finally:
        process.kill()
        process.join()


def _serve(pipe: Connection, options: dict[str, Any]) -> None:
    asyncio.run(_run(pipe, options))


async def _run(pipe: Connection, options: dict[str, Any]) -> None:
    simulator = assemble(Options(seed=7, **options))
    server = Server(exchange=simulator.exchange, tokens=simulator.tokens, timeline=simulator.timeline)
    port = await server.start("127.0.0.1", 0)
    tokens = simulator.tokens
    pipe.send((f"http://127.0.0.1:{port}", tokens.client_secret, tokens.refresh_token, simulator.account))
    answer_usage(pipe)
    await asyncio.Event().wait()


def answer_usage(pipe: Connection) -> None:
    """Answer each question on a pipe with the processor seconds and the most megabytes of this process."""

    def answer() -> None:
        pipe.recv()
        used = resource.getrusage(resource.RUSAGE_SELF)
        pipe.send((used.ru_utime + used.ru_stime, used.ru_maxrss / 1024))

    asyncio.get_running_loop().add_reader(pipe.fileno(), answer)


def usage(pipe: Connection) -> tuple[float, float]:
    """Ask the process at the other end."""
    pipe.send("usage")
    seconds, megabytes = pipe.recv()
    return float(seconds), float(megabytes)
