"""Commands that speak to a running simulator: clock, status, export, record, over real processes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from senex.domain.errors import UsageProblem
from senex.simulator.__main__ import main
from senex.simulator.commands.clock import span
from senex.simulator.mirror.day import examine
from tests.simulated import Simulated, simulated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulated]:
    with simulated(tmp_path_factory.mktemp("commands") / "state", "--accounts", "2") as one:
        yield one


def run(*words: str) -> tuple[int, str, str]:
    """A command's exit code, output and errors."""
    ended = CliRunner().invoke(main, words, prog_name="senex simulator")
    return ended.exit_code, ended.stdout, ended.stderr


def told(simulator: Simulated, *words: str) -> dict[str, Any]:
    """A command's JSON."""
    code, out, err = run(*words, "--url", simulator.ready["rest"], "--json")
    assert code == 0, err
    return dict(json.loads(out))


def test_a_speed_that_is_no_number_is_refused() -> None:
    code, _, err = run("--port", "0", "--speed", "nan")
    assert (code, "E_SPEED" in err) == (2, True)


def test_the_clock_is_scripted(simulator: Simulated) -> None:
    assert told(simulator, "clock", "show")["speed"] == 0
    before = told(simulator, "clock", "step", "4")["sequence"]
    assert told(simulator, "clock", "advance", "5min", "--grid", "1min")["sequence"] == before + 1200
    assert told(simulator, "clock", "run", "30")["speed"] == 30
    assert told(simulator, "clock", "pause")["speed"] == 0
    assert told(simulator, "clock", "grid", "event")["grid"] == "event"
    assert told(simulator, "clock", "grid", "250ms")["grid"] == 0.25
    assert told(simulator, "clock", "jump", "next-session")["instant"].startswith("2026-06-03T13:30")
    until = "2026-06-03T13:31:00+00:00"
    told(simulator, "clock", "lockstep", "--grid", "10s", "--until", until)
    state = told(simulator, "clock", "show")
    while state["lockstep"]["running"]:
        state = told(simulator, "clock", "show")
    assert state["instant"].startswith("2026-06-03T13:31:00")
    told(simulator, "clock", "lockstep", "--daemon")
    assert (
        "waiting for scheduler, streamer, worker" in run("clock", "show", "--url", simulator.ready["rest"])[1]
    )
    told(simulator, "clock", "pause")


def test_what_the_clock_refuses_is_one_sentence(simulator: Simulated) -> None:
    told(simulator, "clock", "run", "1")
    code, out, err = run("clock", "step", "--url", simulator.ready["rest"])
    told(simulator, "clock", "pause")
    assert (code, out) == (4, "")
    assert err == "The simulator refuses: Pause the clock before moving it. [E_SIMULATOR_REFUSED]\n"


def test_status_is_one_page(simulator: Simulated) -> None:
    simulator.fault(endpoint="orders", mode="status", status=503)
    state = str(simulator._state)
    code, out, _ = run("status", "--state", state)
    page = json.loads(run("status", "--state", state, "--json")[1])
    simulator.heal()
    assert code == 0
    assert out.startswith(f"simulated market at {simulator.ready['rest']}\n2026-06-0")
    assert "5SX00001  50,000.00  50,000.00" in out
    assert "5SX00002  50,000.00" in out
    assert "clients  0 market data, 0 alerts, 0 clock" in out
    assert "faults   orders status" in out
    assert page["counts"]["requests"] > 0
    assert [one["working-orders"] for one in page["accounts"]] == [0, 0]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("status", "--state", "/nowhere"), 3, "E_SIMULATOR_AWAY"),
        (("status", "--url", "http://127.0.0.1:9"), 3, "E_SIMULATOR_AWAY"),
        (("status", "--port", "9", "--state", "/nowhere"), 2, "E_WHERE"),
        (("clock", "advance", "soon"), 2, "E_SPAN"),
        (("export", "--state", "/nowhere"), 2, "E_STATE_NONE"),
        (("--live", "http://127.0.0.1:9"), 2, "E_LIVE"),
        (("--day", "/nowhere"), 2, "E_DAY_FILE"),
        (("--day", "/nowhere", "--start", "2026-06-02"), 2, "E_LIVE"),
        (
            ("record", "/nowhere/day", "--from", "http://127.0.0.1:9", "--credentials-file", "/nope"),
            2,
            "E_CRED",
        ),
    ],
)
def test_where_nothing_is_one_sentence_says_so(words: tuple[str, ...], code: int, said: str) -> None:
    ended, out, err = run(*words)
    assert (ended, out) == (code, "")
    assert said in err
    assert err.count("\n") == 1


def test_spans_of_time() -> None:
    spans = [span(text) for text in ("90", "250ms", "5min", "6.5h", "30d")]
    assert spans == [90, 0.25, 300, 23_400, 2_592_000]
    with pytest.raises(UsageProblem):
        span("-1")


def test_an_export_is_the_books(simulator: Simulated) -> None:
    code, out, _ = run("export", "--state", str(simulator._state))
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [(line["log"], line["sub_type"]) for line in lines] == [("transaction", "Deposit")] * 2


@pytest.mark.parametrize("killed", [False, True])
def test_a_day_is_recorded_by_a_process(simulator: Simulated, tmp_path: Path, killed: bool) -> None:
    secrets = tmp_path / "credentials.json"
    names = ("client_secret", "refresh_token")
    secrets.write_text(json.dumps({name: simulator.ready[name] for name in names}))
    file = tmp_path / "day"
    words = ["record", str(file), "--from", simulator.ready["rest"], "--credentials-file", str(secrets)]
    with subprocess.Popen(
        [sys.executable, "-m", "senex.simulator", *words, "--symbols", "SPY", "--days", "10", "--width", "1"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["recording"] == str(file)
        simulator.clock(advance=3)
        if killed:
            process.kill()
        else:
            process.terminate()
            assert json.loads(process.stdout.readline())["rows"] > 0
        assert process.wait(timeout=20) == (-9 if killed else 0)
    known = examine(file)
    assert known.complete is not killed
    assert known.symbols == ("SPY",)
    if not killed:
        assert known.last == 12
