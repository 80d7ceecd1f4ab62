"""The demo as a stranger starts it: real processes, nothing set up before, nothing left behind."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psutil
import psycopg
import pytest

from daemon.demo.stage import Plot, Stage
from tests.installations import DEMO, Installation
from tests.servers import server_folder
from tests.waiting import PATIENCE, ended, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(400)

_ON_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.fixture(scope="module")
def data() -> Iterator[Installation]:
    """One instance whose data goes on from test to test."""
    with server_folder() as folder:
        yield Installation(folder)


@pytest.fixture
def installation(data: Installation) -> Iterator[Installation]:
    """That instance with nothing running, also after a test that failed."""
    yield data
    data.end()


def test_the_story_from_nothing_to_its_end(installation: Installation) -> None:
    played = installation.play()
    assert played.returncode == 0, played.stderr
    [line] = played.stdout.splitlines()
    told = json.loads(line)
    order, position, targets = told["order"], told["position"], told["targets"]
    assert told["suggestion"]["strategy"] == "senex_trident"
    assert order["status"] == "filled"
    assert order["external_identifier"].startswith("senex-")
    natural, opposite = Decimal(order["natural"]), Decimal(order["opposite_natural"])
    assert natural <= Decimal(order["fill_price"]) <= opposite
    assert position["live_pnl"] == position["broker_pnl"]
    assert Decimal(position["live_pnl"]) == Decimal(position["live_pnl"]).quantize(Decimal("0.01"))
    assert sorted(Decimal(one["share"]) for one in targets) == [
        Decimal("0.4"),
        Decimal("0.4"),
        Decimal("0.6"),
    ]
    assert {one["status"] for one in targets} == {"working"}
    assert _closing(targets) == _held(position)
    assert told["quotes_received"] > 0
    assert installation.processes() == []


def _closing(targets: list[dict[str, Any]]) -> dict[str, int]:
    """What the targets would close, by symbol."""
    total: dict[str, int] = {}
    for leg in (leg for one in targets for leg in one["legs"]):
        total[leg["symbol"]] = total.get(leg["symbol"], 0) + leg["quantity"]
    return total


def _held(position: dict[str, Any]) -> dict[str, int]:
    """The position's quantities with the sign of the order that closes them."""
    total: dict[str, int] = {}
    for leg in position["legs"]:
        total[leg["symbol"]] = total.get(leg["symbol"], 0) - leg["quantity"]
    return total


def test_killing_the_demo_leaves_nothing_and_the_next_start_heals(installation: Installation) -> None:
    demo = installation.start()
    eventually(
        lambda: installation.runs("daemon worker", "daemon relay", "daemon scheduler", "daemon streamer"),
        "all parts run",
    )
    demo.kill()
    demo.wait()
    eventually(lambda: installation.processes() == [], "nothing runs")
    # the next one comes up on the same data, keeps others out, and ends in order at a signal
    demo = installation.start()
    story = eventually(lambda: installation.process("senex.cli.story"), "the story begins")
    story.suspend()  # it must not be over before the signal comes
    second = installation.play()
    story.resume()
    demo.send_signal(signal.SIGINT)
    assert ended(demo) == 130
    assert second.returncode == 3
    assert second.stdout == ""
    assert "E_INSTANCE_BUSY" in second.stderr.splitlines()[-1]
    assert installation.processes() == []


def test_quitting_the_console_stops_everything(installation: Installation) -> None:
    terminal, inner = pty.openpty()
    demo = installation.start([sys.executable, "-c", _ON_TERMINAL, *DEMO], terminal=inner)
    os.close(inner)
    screen = b""
    while b"SIMULATED" not in screen:  # the banner no screen hides
        assert select.select([terminal], [], [], PATIENCE)[0], screen[-2000:]
        screen += os.read(terminal, 65536)
    console = next(one for one in psutil.process_iter() if _is_console(one, installation))
    secrets = {name for name in console.environ() if name.startswith("SENEX_")}
    assert secrets == {
        "SENEX_INSTANCE",
        "SENEX_ENVIRONMENT",
        "SENEX_CLOCK_URL",
        "SENEX_CONSOLE_DATABASE_URL_FILE",
        "SENEX_CONSOLE_REDIS_URL_FILE",
    }
    _quit(terminal)
    assert ended(demo) == 0
    assert installation.processes() == []


def _is_console(process: psutil.Process, installation: Installation) -> bool:
    try:
        mine = process.environ().get("SENEX_INSTANCE") == installation.instance
        return mine and process.cmdline()[-2:] == ["-m", "tui"]
    except psutil.Error:
        return False


def _quit(terminal: int) -> None:
    """Press Ctrl+Q until the other side is closed: what is typed before the first screen listens is lost.

    The console may paint in many small pieces meanwhile, so what ends the wait is time, not their number.
    """
    deadline = pressed = time.monotonic()
    deadline += PATIENCE
    os.write(terminal, b"\x11")
    try:
        while time.monotonic() < deadline:
            if time.monotonic() > pressed + 0.5:
                os.write(terminal, b"\x11")
                pressed = time.monotonic()
            if select.select([terminal], [], [], 0.5)[0] and not os.read(terminal, 65536):
                break
        else:
            pytest.fail("the console did not leave")
    except OSError:  # the other side is closed
        pass
    os.close(terminal)


@pytest.mark.long
def test_two_instances_side_by_side(installation: Installation) -> None:
    """One on data that has seen a story, in another market; one in a market where the rules say no."""
    other = Installation(installation.folder)
    with ThreadPoolExecutor() as pool:
        seeded = pool.submit(installation.play, "--symbol", "SPY", "--seed", "12345")
        blocked = pool.submit(other.play, "--scenario", "blocked")
    played = seeded.result()
    assert played.returncode == 0, played.stderr
    told = json.loads(played.stdout)
    assert told["suggestion"]["underlying"] == "SPY"
    assert told["position"]["live_pnl"] == told["position"]["broker_pnl"]
    played = blocked.result()
    assert played.returncode == 4
    assert played.stderr.splitlines()[0] == "no trade"
    assert json.loads(played.stdout)["reasons"]
    assert other.processes() == []


@pytest.mark.long
async def test_the_story_needs_the_worker_and_the_relay(installation: Installation) -> None:
    root = installation.folder / "stages"
    root.mkdir()
    parts = ("scheduler", "streamer", "relay", "worker")
    async with Stage(Plot(instance=installation.instance, fresh=True, parts=parts, root=root)) as stage:
        await asyncio.to_thread(eventually, lambda: _account_ready(stage.urls.owner), "the account is ready")
        # everything is ready; from here on one is missing at a time
        await stage.dismiss("worker")
        _gives_up(stage)
        await stage.dismiss("relay")
        await stage.employ("worker")
        _gives_up(stage)


def _account_ready(url: str) -> bool:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT 1 FROM readiness WHERE ready").fetchone() is not None


def _gives_up(stage: Stage) -> None:
    story = [sys.executable, "-m", "senex.cli.story", "--json", "--account", stage.account, "--timeout", "4"]
    played = subprocess.run(
        story, env=stage.console_environment(), capture_output=True, text=True, check=False
    )
    assert played.returncode == 3
    assert played.stdout == ""
    assert len(played.stderr.splitlines()) == 1
