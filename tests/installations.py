"""Whole installations as an operator has them: real processes in a data folder of their own."""

from __future__ import annotations

import subprocess
import sys
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import psutil

from senex.config import child_environment
from tests.servers import server_folder
from tests.waiting import PATIENCE, ended

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

DEMO = [sys.executable, "-m", "daemon.demo"]
HEADLESS = [*DEMO, "--headless", "--json"]
SENEX = [sys.executable, "-m", "senex"]
STORY = [sys.executable, "-m", "senex.cli.story", "--json"]


class Installation:
    """One instance in a data folder of its own."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.instance = f"t{uuid.uuid4().hex[:8]}"
        self.settings: dict[str, str] = settings
        self._started: list[subprocess.Popen[bytes]] = []

    def environment(self) -> dict[str, str]:
        ours = {
            "SENEX_INSTANCE": self.instance,
            "XDG_DATA_HOME": str(self.folder),
            "XDG_CONFIG_HOME": str(self.folder),
            "TERM": "xterm-256color",
        }
        return child_environment("demo", ours) | ours | self.settings

    def play(self, *more: str) -> subprocess.CompletedProcess[str]:
        """Play the story to its end, on a demo of its own."""
        return self._run([*HEADLESS, *more])

    def story(self) -> None:
        """Play the story on what runs, by a console that finds it by itself."""
        played = self._run(STORY)
        assert played.returncode == 0, played.stderr

    def senex(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the operator's to its end."""
        return self._run([*SENEX, *words])

    def _run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """There is no terminal."""
        return subprocess.run(
            command,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )

    def start(
        self, command: Sequence[str] = HEADLESS, *, terminal: int | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a demo that is not waited for, on a terminal or on none."""
        stream = subprocess.DEVNULL if terminal is None else terminal
        demo = subprocess.Popen(
            command,
            env=self.environment(),
            stdin=stream,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
        self._started.append(demo)
        return demo

    def processes(self) -> list[str]:
        """What still runs of this instance, by command."""
        return [_command(process) for process in self._running()]

    def kill(self) -> None:
        """Kill all that runs of it, as a power cut would."""
        left = self._running()
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=PATIENCE)

    def end(self) -> None:
        """Kill whatever a test left behind, so that the next one starts with nothing running."""
        self.kill()
        for demo in self._started:
            ended(demo)

    def _running(self) -> list[psutil.Process]:
        """Servers stand in the instance's folder, the rest carry its name."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):  # gone, a zombie, or somebody else's
                ours = process.environ().get("SENEX_INSTANCE") == self.instance
                if ours or process.cwd().startswith(str(self.folder)):
                    found.append(process)
        return found

    @property
    def root(self) -> Path:
        """Where its data is."""
        return self.folder / "senex" / self.instance

    def process(self, module: str) -> psutil.Process | None:
        """The process that runs a module."""
        return next((one for one in self._running() if f" -m {module} " in f"{_command(one)} "), None)

    def runs(self, *parts: str) -> bool:
        """Whether a process runs for each of ``parts``, the ends of their commands."""
        present = self.processes()
        return all(any(command.endswith(part) for command in present) for part in parts)


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()) or process.name()
    except psutil.Error:  # gone meanwhile
        return ""


@contextmanager
def installation(**settings: str) -> Iterator[Installation]:
    """An installation of nothing yet; afterwards nothing of it is left."""
    with server_folder() as folder:
        one = Installation(folder, **settings)
        try:
            yield one
        finally:
            one.end()
