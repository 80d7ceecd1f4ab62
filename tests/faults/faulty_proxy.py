"""Somebody between senex and its broker: counts requests, and loses, holds or swallows chosen ones."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from urllib.parse import urlsplit


class Verdict(Enum):
    """What becomes of a request that was caught."""

    FORWARD = auto()
    DROP = auto()
    """It never reaches the broker."""
    SWALLOW = auto()
    """The broker gets it and acts; its answer is lost."""
    DOUBLE = auto()
    """The broker gets it twice; only its second answer comes back."""


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    method: str
    path: str
    body: bytes


@dataclass
class Catch:
    """The next request of a kind, held from the moment ``caught`` is set until a verdict is given."""

    method: str
    ending: str
    caught: asyncio.Event = field(default_factory=asyncio.Event)
    verdict: asyncio.Future[Verdict] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def matches(self, request: Request) -> bool:
        return request.method == self.method and request.path.endswith(self.ending)

    def give(self, verdict: Verdict) -> None:
        """Let it go."""
        if not self.verdict.done():
            self.verdict.set_result(verdict)


class FaultyProxy:
    """Forwards HTTP and WebSockets to ``upstream``, byte for byte."""

    def __init__(self) -> None:
        self.upstream = ("127.0.0.1", 0)
        self.seen: list[Request] = []
        self._catches: list[Catch] = []
        self._lines: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """Stop listening and end every connection."""
        self._server.close()
        for line in self._lines:
            line.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)

    def stand_before(self, url: str) -> str:
        """Forward to ``url``; the address to use instead of it."""
        parts = urlsplit(url)
        self.upstream = (parts.hostname or "", parts.port or 0)
        return self.url

    def catch(self, method: str, ending: str) -> Catch:
        """Hold the next request with this method whose path ends so."""
        one = Catch(method, ending)
        self._catches.append(one)
        return one

    def heal(self) -> None:
        """Forward everything, what is held too."""
        for one in self._catches:
            one.give(Verdict.FORWARD)
        self._catches.clear()

    def count(self, method: str, ending: str) -> int:
        """How many such requests came, whatever became of them."""
        return sum(Catch.matches(Catch(method, ending), each) for each in self.seen)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._lines.add(task)
        try:
            await self._carry(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # one side left: so does the other
        finally:
            self._lines.discard(task)
            writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, to_them = await asyncio.open_connection(*self.upstream)
        answers = asyncio.create_task(_pump(theirs, writer))
        try:
            while raw := await _head(reader):
                head = raw.decode("latin-1")
                body = await reader.readexactly(int(_header(head, "content-length") or 0))
                method, path, _ = head.split(" ", 2)
                request = Request(method, urlsplit(path).path, body)
                self.seen.append(request)
                verdict = await self._judge(request)
                if verdict is Verdict.DROP:
                    return
                if verdict is Verdict.SWALLOW:
                    answers.cancel()
                    await asyncio.gather(answers, return_exceptions=True)
                if verdict is Verdict.DOUBLE:
                    await self._send_besides(raw + body)
                to_them.write(raw + body)
                if verdict is Verdict.SWALLOW:
                    await theirs.read(1)
                    return
                if _header(head, "upgrade"):
                    await _pump(reader, to_them)
                    return
        finally:
            answers.cancel()
            await asyncio.gather(answers, return_exceptions=True)
            to_them.close()

    async def _send_besides(self, whole: bytes) -> None:
        """The same request on another connection, and its whole answer, which nobody hears."""
        theirs, to_them = await asyncio.open_connection(*self.upstream)
        to_them.write(whole)
        head = (await _head(theirs)).decode("latin-1")
        await theirs.readexactly(int(_header(head, "content-length") or 0))
        to_them.close()

    async def _judge(self, request: Request) -> Verdict:
        found = next((one for one in self._catches if one.matches(request) and not one.caught.is_set()), None)
        if found is None:
            return Verdict.FORWARD
        found.caught.set()
        return await found.verdict


async def _head(reader: asyncio.StreamReader) -> bytes:
    """A request's head, empty when no further request comes."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


def _header(head: str, name: str) -> str | None:
    lines = (line.partition(":") for line in head.split("\r\n")[1:])
    return next((value.strip() for key, _, value in lines if key.lower() == name), None)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes until either side ends, then end the other."""
    with suppress(OSError):
        while part := await reader.read(65536):
            writer.write(part)
            await writer.drain()
    writer.close()
