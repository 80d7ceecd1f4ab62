"""The two lines out of senex, message by message: to Postgres and to the broker.

``Fuse`` counts what passes on both and blows at the n-th message, as a SIGKILL
would end the process there: from then on not one byte of it gets anywhere.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_PART = 1 << 16


class Blown(Exception):
    """The process this line belongs to is dead."""


@dataclass
class Fuse:
    """Counts messages; blows at number ``at``, before it is passed on or, ``after``, once it is."""

    at: int | None = None
    after: bool = False
    what: frozenset[str] = frozenset({"statement", "commit", "request", "answer"})
    passed: int = 0
    blown: asyncio.Event = field(default_factory=asyncio.Event)

    def spend(self, what: str) -> bool:
        """Count a message; whether it may pass. Raises Blown when it may not."""
        if self.blown.is_set():
            raise Blown
        if what not in self.what:
            return False
        self.passed += 1
        if self.passed != self.at:
            return False
        if not self.after:
            self.blow()
            raise Blown
        return True

    def blow(self) -> None:
        """Now."""
        self.blown.set()


class Line:
    """Carries connections to ``upstream`` until it is cut; what a kind of line does more, its class says."""

    def __init__(self) -> None:
        self.upstream = ("127.0.0.1", 0)
        self.fuse = Fuse()
        self.down = False
        self._carried: set[asyncio.Task[None]] = set()

    async def start(self, host: str, port: int) -> None:
        """Listen on a free port for what goes to ``host`` and ``port``."""
        self.upstream = (host, port)
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening and end every connection."""
        self._server.close()
        await self.cut()

    async def cut(self) -> None:
        """End every connection; new ones are made as before."""
        carried = list(self._carried)
        for task in carried:
            task.cancel()
        await asyncio.gather(*carried, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if self.down or self.fuse.blown.is_set():
            writer.transport.abort()
            return
        self._carried.add(task)
        theirs: asyncio.StreamWriter | None = None
        try:
            from_them, theirs = await asyncio.open_connection(*self.upstream)
            await self.carry(reader, writer, from_them, theirs)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError, Blown):
            pass  # one side left: so does the other
        finally:
            self._carried.discard(task)
            writer.transport.abort()
            if theirs is not None:
                await self.leave(from_them, theirs)

    async def leave(self, from_them: asyncio.StreamReader, theirs: asyncio.StreamWriter) -> None:
        """Tell the other side that it is over."""
        del from_them
        theirs.transport.abort()

    async def carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        from_them: asyncio.StreamReader,
        theirs: asyncio.StreamWriter,
    ) -> None:
        """Carry one connection to its end."""
        raise NotImplementedError


class DatabaseLine(Line):
    """To Postgres. A message is what the client sends at once: a statement, or a pipeline's round trip.

    ``commits`` is the number of the COMMIT at which the connection breaks, before or ``after`` it is carried out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.commits: int | None = None
        self.after = False

    async def carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        from_them: asyncio.StreamReader,
        theirs: asyncio.StreamWriter,
    ) -> None:
        answers = asyncio.create_task(pump(from_them, writer))
        try:
            while part := await reader.read(_PART):
                last = self.fuse.spend("commit" if b"COMMIT" in part else "statement")
                breaks = self._breaks(part)
                if breaks and not self.after:
                    return
                if last or breaks:
                    answers.cancel()  # it is carried out, and nobody hears of that
                    theirs.write(part)
                    await theirs.drain()
                    if last:
                        self.fuse.blow()
                    return
                theirs.write(part)
                await theirs.drain()
        finally:
            answers.cancel()
            await asyncio.gather(answers, return_exceptions=True)

    async def leave(self, from_them: asyncio.StreamReader, theirs: asyncio.StreamWriter) -> None:
        """Return once the server has carried out what it holds and freed the session's locks."""
        with suppress(OSError):
            theirs.write_eof()
            while await from_them.read(_PART):
                pass
        theirs.transport.abort()

    def _breaks(self, part: bytes) -> bool:
        if self.commits is None or b"COMMIT" not in part:
            return False
        self.commits -= 1
        if self.commits > 0:
            return False
        self.commits = None
        return True


class Act(Enum):
    """What becomes of a request."""

    FORWARD = auto()
    DROP = auto()
    """It never reaches the broker; the connection ends."""
    CUT = auto()
    """The broker acts; its answer is lost with the connection."""
    SILENCE = auto()
    """The broker acts; its answer never comes."""
    LATE = auto()
    """The broker gets it only after ``release``, when the client has long given up."""
    DOUBLE = auto()
    """The broker gets it twice."""
    ANSWER = auto()
    """Somebody else answers, with ``answer``; the broker gets nothing."""
    GARBLE = auto()
    """The broker acts; what comes back is ``answer``."""


@dataclass(frozen=True)
class Verdict:
    """An act, with the answer it needs."""

    act: Act
    answer: bytes = b""


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    method: str
    path: str
    body: bytes


FORWARD = Verdict(Act.FORWARD)


class BrokerLine(Line):
    """To the broker, request by request. ``judge`` says what becomes of each; ``seen`` are all that came."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Request] = []
        self.judge: Callable[[Request], Awaitable[Verdict]] = _forward
        self._late: list[bytes] = []

    @property
    def url(self) -> str:
        """Where to find the broker instead."""
        return f"http://127.0.0.1:{self.port}"

    async def release(self) -> int:
        """Let what was held reach the broker; how much that was."""
        late, self._late = self._late, []
        for whole in late:
            from_them, theirs = await asyncio.open_connection(*self.upstream)
            theirs.write(whole)
            await _answer(from_them)
            theirs.transport.abort()
        return len(late)

    async def carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        from_them: asyncio.StreamReader,
        theirs: asyncio.StreamWriter,
    ) -> None:
        while raw := await _head(reader):
            head = raw.decode("latin-1")
            body = await reader.readexactly(int(_header(head, "content-length") or 0))
            method, path, _ = head.split(" ", 2)
            last = self.fuse.spend("request")
            request = Request(method, urlsplit(path).path, body)
            self.seen.append(request)
            if _header(head, "upgrade"):
                theirs.write(raw + body)
                await _both(reader, writer, from_them, theirs)
                return
            verdict = await self.judge(request)
            if self.down:
                return
            if last:
                theirs.write(raw + body)
                self.fuse.blow()
                await _answer(from_them)
                return
            told = await self._act(verdict, raw + body, from_them, theirs)
            if told is None:
                return
            last = self.fuse.spend("answer")
            writer.write(told)
            await writer.drain()
            if last:
                self.fuse.blow()
                return

    async def _act(
        self, verdict: Verdict, whole: bytes, from_them: asyncio.StreamReader, theirs: asyncio.StreamWriter
    ) -> bytes | None:
        """The answer to give; None ends the connection."""
        act = verdict.act
        if act is Act.DROP:
            return None
        if act is Act.ANSWER:
            return verdict.answer
        if act is Act.LATE:
            self._late.append(whole)
            await asyncio.get_running_loop().create_future()
        theirs.write(whole)
        told = await _answer(from_them)
        if act is Act.DOUBLE:
            theirs.write(whole)
            told = await _answer(from_them)
        if act is Act.SILENCE:
            await asyncio.get_running_loop().create_future()
        if act is Act.CUT:
            return None
        return verdict.answer if act is Act.GARBLE else told


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes until either side ends, then end the other."""
    with suppress(OSError):
        while part := await reader.read(_PART):
            writer.write(part)
            await writer.drain()
    writer.close()


async def _both(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    from_them: asyncio.StreamReader,
    theirs: asyncio.StreamWriter,
) -> None:
    answers = asyncio.create_task(pump(from_them, writer))
    try:
        await pump(reader, theirs)
    finally:
        answers.cancel()
        await asyncio.gather(answers, return_exceptions=True)


async def _forward(request: Request) -> Verdict:
    del request
    return FORWARD


async def _head(reader: asyncio.StreamReader) -> bytes:
    """A message's head, empty when no further one comes."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


async def _answer(reader: asyncio.StreamReader) -> bytes:
    """A whole answer."""
    raw = await _head(reader)
    if not raw:
        raise ConnectionError
    length = int(_header(raw.decode("latin-1"), "content-length") or 0)
    return raw + await reader.readexactly(length)


def _header(head: str, name: str) -> str | None:
    lines = (line.partition(":") for line in head.split("\r\n")[1:])
    return next((value.strip() for key, _, value in lines if key.lower() == name), None)


def reply(status: int, body: bytes, kind: str = "application/json") -> bytes:
    """An answer as bytes."""
    head = f"HTTP/1.1 {status} Whatever\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
