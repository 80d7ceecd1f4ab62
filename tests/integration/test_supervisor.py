"""The supervisor through real processes: who is started again, who dies with whom."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from daemon.pauses import SHORTEST, WRONG, longer
from tests.waiting import PATIENCE, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# two parts: one that starts a child of its own and waits, one that fails at once
_PROGRAM = """
import asyncio, os, signal, sys
from pathlib import Path
from daemon.supervisor import Part, Supervisor

folder = Path(sys.argv[1])
STEADY = (
    "import os, subprocess, sys, time, pathlib;"
    "quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL);"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], **quiet);"
    "pathlib.Path(sys.argv[1], f'steady-{os.getpid()}').write_text(str(child.pid));"
    "print('a line of output', file=sys.stderr, flush=True);"
    "time.sleep(600)"
)
FAILING = (
    "import os, sys, pathlib;"
    "pathlib.Path(sys.argv[1], f'failing-{os.getpid()}').touch();"
    "sys.exit(3)"
)

async def main():
    parts = [
        Part(name, [sys.executable, "-c", text, str(folder)], {"PATH": os.environ["PATH"]})
        for name, text in (("steady", STEADY), ("failing", FAILING))
    ]
    supervisor = Supervisor(parts)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, supervisor.stop)
    await supervisor.run()

asyncio.run(main())
"""


class Case:
    """A supervisor at work, and what its parts left in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.process = subprocess.Popen([sys.executable, "-c", _PROGRAM, str(folder)], stderr=subprocess.PIPE)

    def starts(self, part: str) -> list[int]:
        return [int(mark.name.rpartition("-")[2]) for mark in self._folder.glob(f"{part}-*")]

    def children(self) -> list[int]:
        """Every child a steady part has started."""
        written = [mark.read_text() for mark in self._folder.glob("steady-*")]
        return [int(text) for text in written if text]  # one that was killed before it could write has none

    def steady(self) -> tuple[int, int]:
        """The process id of the steady part and of its child."""
        (mark,) = self._folder.glob("steady-*")
        return int(mark.name.rpartition("-")[2]), int(eventually(mark.read_text))


def _gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    one = Case(tmp_path)
    eventually(lambda: one.starts("steady"))
    yield one
    if one.process.poll() is None:
        one.process.kill()
    one.process.communicate()
    for child in one.children():
        if not _gone(child):  # nobody was left to end it
            os.kill(child, signal.SIGKILL)


def test_what_ends_is_started_again(case: Case) -> None:
    eventually(lambda: len(case.starts("failing")) >= 3)
    assert len(case.starts("steady")) == 1


def test_what_is_killed_is_started_again(case: Case) -> None:
    pid, child = case.steady()
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: len(case.starts("steady")) == 2)
    eventually(lambda: _gone(child))


def test_stopping_ends_each_part_and_what_it_started(case: Case) -> None:
    pid, child = case.steady()
    case.process.terminate()
    _, said = case.process.communicate(timeout=PATIENCE)
    assert case.process.returncode == 0
    assert _gone(pid)
    eventually(lambda: _gone(child))
    assert b"steady    | a line of output" in said


def test_killing_the_supervisor_ends_its_parts(case: Case) -> None:
    pid, _ = case.steady()
    case.process.kill()
    eventually(lambda: _gone(pid))


_PICKY = """
import asyncio, os, signal, sys
from pathlib import Path
from daemon.supervisor import Part, Supervisor

folder = Path(sys.argv[1])
TEXT = (
    "import os, pathlib, sys, time;"
    "from senex import pulse;"
    "folder = pathlib.Path(sys.argv[1]);"
    "text = pathlib.Path(os.environ['SENEX_LOGIN_FILE']).read_text();"
    "pathlib.Path(folder, f'{text}-{os.getpid()}').touch();"
    "text == 'right' and time.sleep(600);"
    "pulse.complain('picky', 'picky', f'The login {text} does not open it.');"
    "sys.exit(2)"
)

async def main():
    environment = {name: os.environ[name] for name in ("PATH", "TMPDIR")}
    environment |= {"SENEX_INSTANCE": "picky", "SENEX_LOGIN_FILE": str(folder / "login")}
    supervisor = Supervisor([Part("picky", [sys.executable, "-c", TEXT, str(folder)], environment)])
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, supervisor.stop)
    await supervisor.run()

asyncio.run(main())
"""


def test_what_cannot_work_with_its_secrets_says_so_once_and_works_when_they_are_mended(
    tmp_path: Path,
) -> None:
    login = tmp_path / "login"
    login.write_text("wrong")
    with subprocess.Popen(
        [sys.executable, "-c", _PICKY, str(tmp_path)],
        env={**os.environ, "TMPDIR": str(tmp_path)},  # noqa: TID251  a child's
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        eventually(lambda: len(list(tmp_path.glob("wrong-*"))) >= 3)
        login.write_text("bad")
        eventually(lambda: list(tmp_path.glob("bad-*")))
        login.write_text("right")
        eventually(lambda: list(tmp_path.glob("right-*")))
        process.terminate()
        said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    for login_ in ("wrong", "bad"):
        assert said.count(f"The login {login_} does not open it.") == 1, said


def test_what_cannot_work_waits_longer_than_what_failed() -> None:
    waits = {1: SHORTEST, WRONG: SHORTEST}
    for _ in range(20):
        waits = {code: longer(pause, code) for code, pause in waits.items()}
    assert waits == {1: 5.0, WRONG: 30.0}


_JSON = """
import asyncio, os, signal, sys
from daemon.supervisor import Part, Supervisor

async def main():
    text = (
        "import sys, time; print('aside', file=sys.stderr, flush=True);"
        "print('{\\"a\\": 1}', flush=True); time.sleep(600)"
    )
    supervisor = Supervisor([Part("one", [sys.executable, "-c", text], {"PATH": os.environ["PATH"]})], prefix=False)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, supervisor.stop)
    await supervisor.run()

asyncio.run(main())
"""


def test_json_lines_of_a_part_come_out_of_stdout_as_they_are() -> None:
    command = [sys.executable, "-c", _JSON]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == '{"a": 1}\n'
        process.terminate()
        out, err = process.communicate(timeout=PATIENCE)
    assert (out, "aside" in err) == ("", True)
