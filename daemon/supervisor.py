"""Keeps the daemon's processes alive: each on its own, started again when it ends.

A process that ends is started again after a pause that grows while it keeps
failing; one that cannot work with its settings as soon as one of its secret files
says something else. Each leads a process group, which dies with it and with the supervisor.
"""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from daemon.lineage import bound, kill_group
from daemon.pauses import HEALTHY_SECONDS, SHORTEST, WRONG, longer
from daemon.secret_files import said_else
from senex import pulse
from senex.config_once import INSTANCE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import BinaryIO

_GRACE_SECONDS = 8.0
_SECRET_FILE = re.compile("SENEX_[A-Z_]+_FILE")
_log = structlog.get_logger("senex.supervisor")


@dataclass(frozen=True, slots=True)
class Part:
    """One process to keep: its name, its command and its whole environment."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]

    @property
    def secrets(self) -> Sequence[Path]:
        """The secret files that its environment names."""
        return [Path(value) for name, value in self.environment.items() if _SECRET_FILE.fullmatch(name)]


class Supervisor:
    """Runs parts until it is stopped."""

    def __init__(self, parts: Sequence[Part], *, prefix: bool = True, output: BinaryIO | None = None) -> None:
        """``prefix`` names the part before each line it writes; without, lines pass as they are (JSON logs).

        ``output`` takes what the parts write instead of stderr, as it is.
        """
        self._output = output
        self._parts = parts
        self._prefix = prefix
        self._stop = asyncio.Event()
        self.ended: dict[str, int] = {}
        """The last exit code of each part that has ended by itself."""
        self.living: dict[str, int] = {}
        """The process id of each part that runs."""
        self.starts: dict[str, int] = {}
        """How often each part was started."""

    def stop(self) -> None:
        """Have ``run`` end all parts and return."""
        self._stop.set()

    async def run(self) -> None:
        """Keep every part alive until ``stop``."""
        async with asyncio.TaskGroup() as group:
            for part in self._parts:
                group.create_task(self._keep(part), name=part.name)

    async def _keep(self, part: Part) -> None:
        loop = asyncio.get_running_loop()
        pause, said = SHORTEST, ""
        while not self._stop.is_set():
            born = loop.time()
            code = await self._live(part)
            if self._stop.is_set():
                return
            self.ended[part.name] = code
            if loop.time() - born > HEALTHY_SECONDS:
                pause, said = SHORTEST, ""
            if code == WRONG:
                said = _say_wrong(part, said)
            else:
                _log.warning("a process ended and is started again", part=part.name, code=code, pause=pause)
            changed = await self._rest(pause, part.secrets if code == WRONG else ())
            pause = SHORTEST if changed else longer(pause, code)

    async def _rest(self, pause: float, files: Sequence[Path]) -> bool:
        """Wait so long, or until ``stop``, or until a file says something else; whether one does."""
        stopping = asyncio.create_task(self._stop.wait())
        changing = asyncio.create_task(said_else(files))
        done, waiting = await asyncio.wait(
            {stopping, changing}, timeout=pause, return_when=asyncio.FIRST_COMPLETED
        )
        for task in waiting:
            task.cancel()
        return changing in done

    async def _live(self, part: Part) -> int:
        """Run a part once; answer its exit code. Stopping ends it, its group with it."""
        process = await self._start(part)
        self.living[part.name] = process.pid
        self.starts[part.name] = self.starts.get(part.name, 0) + 1
        copying = asyncio.create_task(self._copy(part.name, process))
        ending = asyncio.create_task(process.wait())
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({ending, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            await finish(process)
            self.living.pop(part.name, None)
            copying.cancel()
        return await ending

    async def _start(self, part: Part) -> asyncio.subprocess.Process:
        if self._output is None and self._prefix:
            return await start(part.command, part.environment, pipe=True)
        if self._output is None:
            return await start(part.command, part.environment, output=sys.stdout.fileno())
        number = self._output.fileno()
        return await start(part.command, part.environment, output=number, errors=number)

    async def _copy(self, name: str, process: asyncio.subprocess.Process) -> None:
        if process.stderr is None:
            return
        while line := await _line(process.stderr):
            sys.stderr.buffer.write(b"%-9s | %s" % (name.encode(), line))
            sys.stderr.buffer.flush()


def _say_wrong(part: Part, said: str) -> str:
    """Say once what a process cannot work with, in its own words; answer what was said."""
    instance = part.environment.get("SENEX_INSTANCE", INSTANCE)
    why = pulse.complaint(part.name, instance) or "its own log says why"
    if why != said:
        _log.error(
            "a process cannot work with its settings; it is started again when a secret file changes, and now and then",
            part=part.name,
            why=why,
        )
    return why


async def _line(stream: asyncio.StreamReader) -> bytes:
    try:
        return await stream.readline()
    except ValueError:  # longer than the stream's buffer, which drops it
        return b"(a line too long to show)\n"


async def start(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    pipe: bool = False,
    output: int | None = None,
    errors: int | None = None,
    gently: bool = False,
) -> asyncio.subprocess.Process:
    """Start a process that dies with this one and leads a group of its own.

    ``pipe`` gives its stderr to read; ``output`` is where its stdout goes, by default to stderr:
    stdout is for data. ``errors`` is where its stderr goes.
    ``gently`` has it asked to end, not killed, when this process dies.
    """
    number = signal.SIGTERM if gently else signal.SIGKILL
    return await asyncio.create_subprocess_exec(
        *bound(command, number),
        env=dict(environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=sys.stderr if output is None else output,
        stderr=asyncio.subprocess.PIPE if pipe else errors,
        start_new_session=True,
    )


async def finish(process: asyncio.subprocess.Process, *, grace: float = _GRACE_SECONDS) -> int:
    """End a process: ask, insist, then clear what is left of its group; answer its exit code."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.terminate()
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await process.wait()
    kill_group(process.pid, signal.SIGKILL)
    return await process.wait()
