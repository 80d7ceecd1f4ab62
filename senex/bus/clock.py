"""Market time: the wall's, or a simulation's followed by push.

A simulated market serves its time at ``SENEX_CLOCK_URL`` as anchors (instant,
speed). Between anchors time is extrapolated from the monotonic clock. A thread
of its own follows, so that code which is not async reads time too and a busy
event loop never makes it old.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import aiohttp
import orjson

from senex.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any, Never

    Settle = Callable[[], Awaitable[bool]]

_log = logging.getLogger(__name__)

_FRESH = 3.0
"""Seconds of machine time after which a silent clock is no longer fresh; it pushes each second."""
_SILENCE = aiohttp.ClientWSTimeout(ws_receive=_FRESH, ws_close=1.0)
_FIRST_DELAY, _LONGEST_DELAY = 0.1, 2.0


class WallClock:
    """Market time where the market is real."""

    timeline = "wall"
    fresh = True
    tick = 0

    def now(self) -> datetime:
        """The aware instant (UTC)."""
        return datetime.now(UTC)  # noqa: TID251  this is the clock

    lockstep = False

    def listen(self, name: str) -> None:
        """Nobody waits for who listens to the wall's time."""

    async def attend(self, name: str, rank: int, settle: Settle) -> Never:
        """Wait for ever: the wall's time waits for nobody."""
        del name, rank, settle
        await asyncio.get_running_loop().create_future()
        raise AssertionError("the wall's time does not end")

    def close(self) -> None:
        """Nothing to stop."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """One push: at ``read`` on the monotonic clock it was ``instant`` on the market."""

    timeline: str
    instant: datetime
    speed: float
    tick: int
    read: float
    lockstep: bool = False


class Attendance:
    """One part of this process in the market's lockstep: questions come in, answers go out."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._questions: asyncio.Queue[int] = asyncio.Queue()

    def ask(self, question: int) -> None:
        """Hand a question over, from the clock's thread."""
        with suppress(RuntimeError):  # the loop that would answer has ended
            self._loop.call_soon_threadsafe(self._questions.put_nowait, question)

    async def question(self) -> int:
        """The newest question; those before it are void."""
        newest = await self._questions.get()
        while not self._questions.empty():
            newest = self._questions.get_nowait()
        return newest


class FollowedClock:
    """Market time of a simulation.

    When the pushes stop, time goes on as last told but ``fresh`` is false
    after 3 s: nothing may be decided on it then.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._anchor: Anchor | None = None
        self._first = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._attendance: Attendance | None = None
        self._joined: dict[str, object] | None = None
        self._thread = threading.Thread(target=self._run, name="senex-clock", daemon=True)

    def start(self, timeout: float) -> None:
        """Follow the clock; returns once the first push is here. Blocks up to ``timeout`` seconds.

        Raises:
            Unavailable: ``E_CLOCK_AWAY``.
        """
        self._thread.start()
        if not self._first.wait(timeout):
            self.close()
            raise _away(self._url)

    def close(self) -> None:
        """Stop following."""
        if self._loop is not None and self._task is not None:
            with suppress(RuntimeError):  # its loop has ended by itself
                self._loop.call_soon_threadsafe(self._task.cancel)
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def listen(self, name: str) -> None:
        """Have the market in lockstep wait until this clock knows its instant, before it asks anybody else."""
        self._joined = {"join": name, "rank": 0}
        self._tell(self._joined)

    async def attend(self, name: str, rank: int, settle: Settle) -> Never:
        """Take part in the market's lockstep until cancelled.

        In lockstep the market serves its next instant only when all who take part
        have answered for the last one, the lower ``rank`` first. ``settle`` is
        awaited for each instant; it brings everything up to it and says whether
        there was anything to do. What it raises ends this.
        """
        attendance = self._attendance = Attendance()
        self._joined = {"join": name, "rank": rank}
        self._tell(self._joined)
        try:
            while True:
                question = await attendance.question()
                worked = await settle()
                self._tell({"done": question, "worked": worked})
        finally:
            self._attendance = self._joined = None
            self._tell({"leave": name})

    @property
    def lockstep(self) -> bool:
        """Whether the market moves in lockstep now."""
        return self._known.lockstep

    @property
    def timeline(self) -> str:
        """The simulation's own id; a simulation begun anew has another."""
        return self._known.timeline

    @property
    def fresh(self) -> bool:
        """Whether the clock was heard within the last three seconds of machine time."""
        return time.monotonic() - self._known.read <= _FRESH

    @property
    def tick(self) -> int:
        """The market tick of the last push."""
        return self._known.tick

    @property
    def speed(self) -> float:
        """Market seconds per machine second; 0 while paused."""
        return self._known.speed

    def now(self) -> datetime:
        """The aware instant (UTC) it is on the market."""
        anchor = self._known
        return anchor.instant + timedelta(seconds=anchor.speed * (time.monotonic() - anchor.read))

    @property
    def _known(self) -> Anchor:
        anchor = self._anchor
        if anchor is None:
            raise _away(self._url)
        return anchor

    def _run(self) -> None:
        with suppress(asyncio.CancelledError):
            asyncio.run(self._follow())

    async def _follow(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        delay = _FIRST_DELAY
        async with aiohttp.ClientSession(trust_env=False) as session:
            while True:
                try:
                    async with session.ws_connect(self._url, timeout=_SILENCE) as socket:
                        self._socket = socket
                        if self._joined is not None:
                            await self._say(self._joined)
                        async for message in socket:
                            await self._take(message)
                            delay = _FIRST_DELAY
                except (aiohttp.ClientError, OSError, ValueError) as problem:
                    _log.debug("lost the market clock: %s", problem)
                finally:
                    self._socket = None
                await asyncio.sleep(delay)
                delay = min(delay * 2, _LONGEST_DELAY)

    def _tell(self, body: dict[str, object]) -> None:
        """Say something to the market, from any thread; what is lost with a connection is said anew."""
        if self._loop is not None:
            with suppress(RuntimeError):  # its loop has ended
                asyncio.run_coroutine_threadsafe(self._say(body), self._loop)

    async def _say(self, body: dict[str, object]) -> None:
        if self._socket is not None:
            with suppress(aiohttp.ClientError, OSError):
                await self._socket.send_str(orjson.dumps(body).decode())

    async def _answer(self, told: dict[str, Any]) -> None:
        """Answer that the instant is known; what is asked of the rank taken part at goes there."""
        if "ask" not in told:
            return
        attendance = self._attendance
        if told.get("rank") and attendance is not None:
            attendance.ask(int(told["ask"]))
        else:
            await self._say({"done": told["ask"]})

    async def _take(self, message: aiohttp.WSMessage) -> None:
        read = time.monotonic()
        if message.type is not aiohttp.WSMsgType.TEXT:
            return
        try:
            told = orjson.loads(message.data)
            instant = datetime.fromisoformat(told["instant"])
            anchor = Anchor(
                str(told["timeline"]),
                instant.astimezone(UTC),
                float(told["speed"]),
                int(told["sequence"]),
                read,
                lockstep=bool(told.get("lockstep", {}).get("running")),
            )
        except (ValueError, KeyError, TypeError) as problem:
            _log.warning("the market clock sent what cannot be read: %s", problem)
            return
        self._anchor = anchor
        self._first.set()
        await self._answer(told)


def open_clock(url: str | None, *, timeout: float = 5.0) -> WallClock | FollowedClock:
    """The market clock: followed where ``SENEX_CLOCK_URL`` is set, the wall's elsewhere.

    Blocks until the first push; call it in a thread from async code.

    Raises:
        Unavailable: ``E_CLOCK_AWAY`` when the followed clock does not answer in time.
    """
    if not url:
        return WallClock()
    clock = FollowedClock(url)
    clock.start(timeout)
    return clock


def _away(url: str) -> Unavailable:
    return Unavailable(
        "E_CLOCK_AWAY",
        f"The market clock at {url} does not answer, and nothing may be dated without it. "
        "Start the simulator, or correct SENEX_CLOCK_URL.",
    )
