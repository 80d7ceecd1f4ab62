"""What a line loses, what it keeps, and what becomes of the files."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.logs import redaction
from daemon.logs.files import KINDS, KeptFile, Kind, kept_files, sweep
from daemon.logs.redaction import Redactor
from daemon.logs.rendering import plain

_SECRETS = (
    "postgresql://senex:s3cr%25et-word@db/senex",
    "first-key-canary-000000000000000000000000000=,second-key-canary-00000000000000000000000000=",
    "client-canary-61",
)
_CANARIES = (
    "s3cr%25et-word",
    "s3cr%et-word",
    "first-key-canary-000000000000000000000000000=",
    "second-key-canary-00000000000000000000000000=",
    "client-canary-61",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "5WX12345",
    "5SX01234567",
    "4111 1111 1111 1111",
    "123-45-6789",
    "other-pass",
    "hidden-by-name",
)


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ("redis://daemon:other-pass@redis/0", "redis://daemon:***@redis/0"),
        ('{"access_token": "hidden-by-name", "n": 1}', '{"access_token": "***", "n": 1}'),
        (r"{\"refresh-token\":\"hidden-by-name\",\"n\":1}", r"{\"refresh-token\":\"***\",\"n\":1}"),
        ("{'client_secret': 'hidden-by-name'}", "{'client_secret': '***'}"),
        ("password=hidden-by-name&n=1", "password=***&n=1"),
        ("Authorization: Bearer hidden-by-name", "Authorization: Bearer ***"),
        ("GET /accounts/5WX12345/orders?n=1", "GET /accounts/***/orders?n=1"),
        ("account 5SX01234567 is halted", "account *** is halted"),
        ("the token expires in 15 min", "the token expires in 15 min"),
        ("QQQ   261218P00500000 at 1.25, order 123456789", "QQQ   261218P00500000 at 1.25, order 123456789"),
        (
            "outbox-1234-5 at 2026-03-04T15:00:00.123456+00:00",
            "outbox-1234-5 at 2026-03-04T15:00:00.123456+00:00",
        ),
    ],
)
def test_what_has_the_form_of_a_secret_is_struck_out_and_nothing_else(given: str, left: str) -> None:
    assert Redactor().text(given) == left


def test_given_secrets_are_struck_out_wherever_they_stand() -> None:
    redact = Redactor(_SECRETS)
    event = {
        "event": f"said {_CANARIES[4]} and {_CANARIES[1]}",
        "why": [{"deep": ("x", f"a{_CANARIES[2]}b")}, ValueError(_CANARIES[3])],
        "account_number": 12345678,
        "n": 3,
    }
    found = redact(None, "", event)
    text = json.dumps(found)
    assert not [canary for canary in _CANARIES if canary in text]
    assert found["n"] == 3
    assert found["account_number"] == "***"


def test_a_text_of_others_begins_no_line() -> None:
    event = {"timestamp": "T", "level": "info", "process": "p", "event": "a\n2026 forged", "k": "\x1b[2J"}
    assert plain(None, "", event) == r"T info    p: a\n2026 forged k=\x1b[2J"


def _record(text: str, *, name: str = "senex.jobs", level: int = logging.INFO) -> logging.LogRecord:
    return logging.LogRecord(name, level, "", 0, text, None, None)


def test_each_file_takes_its_own(tmp_path: Path) -> None:
    handlers = kept_files(tmp_path, "worker-trading-1")
    for one in (
        _record("plain"),
        _record("bad", level=logging.ERROR),
        _record("filled", name="senex.trading"),
        _record("login", name="senex.security"),
    ):
        for handler in handlers:
            if handler.filter(one):
                handler.handle(one)
    for handler in handlers:
        handler.close()
    folder = tmp_path / "worker-trading-1"
    assert {path.stem: path.read_text().split() for path in folder.iterdir()} == {
        "application": ["plain", "bad", "filled", "login"],
        "errors": ["bad"],
        "trading": ["filled"],
        "security": ["login"],
    }
    assert folder.stat().st_mode & 0o77 == 0


def test_the_sizes_are_the_promised_ones() -> None:
    assert {kind.name: (kind.size // 2**20, kind.closed) for kind in KINDS} == {
        "application": (50, 10),
        "errors": (50, 10),
        "trading": (100, 20),
        "security": (50, 10),
    }


def test_a_file_is_closed_at_its_size_and_the_oldest_goes(tmp_path: Path) -> None:
    path = tmp_path / "p" / "application.log"
    handler = KeptFile(path, Kind("application", 40, 2, lambda _: True))
    for number in range(9):
        handler.handle(_record(f"line number {number}"))
    handler.close()
    lines = [one.read_text().split("\n") for one in (path, Path(f"{path}.1"), Path(f"{path}.2"))]
    assert lines == [
        ["line number 8", ""],
        ["line number 6", "line number 7", ""],
        ["line number 4", "line number 5", ""],
    ]
    assert len(list(path.parent.iterdir())) == 3


_WRITER = """
import logging, sys
from pathlib import Path
from daemon.logs import redaction
from daemon.logs.files import KeptFile, Kind
handler = KeptFile(Path(sys.argv[1]), Kind("application", 2000, 200, lambda _: True))
for n in range(1000):
    handler.handle(logging.LogRecord("x", 20, "", 0, f"{sys.argv[2]} {n:04}", None, None))
"""


def test_two_processes_on_one_file_lose_no_line_and_mix_none(tmp_path: Path) -> None:
    path = tmp_path / "p" / "application.log"
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, str(path), name]) for name in ("one", "two")]
    assert [writer.wait() for writer in writers] == [0, 0]
    lines = [line for one in path.parent.iterdir() for line in one.read_text().splitlines()]
    assert sorted(lines) == sorted(f"{name} {n:04}" for name in ("one", "two") for n in range(1000))


def test_a_full_disk_costs_the_lines_and_no_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "p" / "application.log"
    path.parent.mkdir()
    path.symlink_to("/dev/full")
    handler = KeptFile(path, KINDS[0])
    for _ in range(3):
        handler.handle(_record("lost"))
    said = capsys.readouterr().err
    assert said == f"senex: {path} cannot be written (No space left on device); work goes on.\n"
    path.unlink()  # room again
    handler.handle(_record("kept"))
    handler.close()
    assert path.read_text() == "kept\n"


def test_a_folder_that_cannot_be_made_costs_no_more_either(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("a file where the folder is to be")
    for handler in kept_files(tmp_path, "p"):
        handler.handle(_record("lost", level=logging.ERROR))
        handler.close()
    assert (tmp_path / "p").is_file()


def test_closed_files_are_kept_ninety_days(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    now = folder.stat().st_mtime
    for name, days in (("a.log", 200), ("a.log.1", 89), ("a.log.2", 91)):
        (folder / name).touch()
        os.utime(folder / name, (now, now - days * 86_400))
    sweep(tmp_path)
    assert {path.name for path in folder.iterdir()} == {"a.log", "a.log.1"}


_TALKER = """
import asyncio, logging, sys, threading, warnings, json
from pathlib import Path
import structlog
from daemon import logs
given = json.loads(sys.stdin.read())
logs.configure(as_json=sys.argv[1] == "json", process="talker", folder=Path(sys.argv[2]), secrets=given["secrets"])
canaries = given["canaries"]
everything = "; ".join(canaries[:-2]) + "; redis://u:%s@host" % canaries[-2] + '; {"token": "%s"}' % canaries[-1]
log = structlog.get_logger("senex.jobs")
logging.getLogger("senex.bus").warning("%d", everything)
log.info(everything, password=canaries[-1], body=everything, raw=everything.encode())
logging.getLogger("senex.broker").warning("%s", everything, extra={"told": everything})
logging.getLogger("urllib3").error({"body": everything})
warnings.warn(everything)
try:
    raise ValueError(everything)
except ValueError as problem:
    log.exception("failed", problem=problem)
    logging.getLogger("senex.security").exception("failed")
def thread():
    raise RuntimeError(everything)
one = threading.Thread(target=thread); one.start(); one.join()
async def forgotten():
    raise RuntimeError(everything)
async def main():
    task = asyncio.ensure_future(forgotten())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del task
asyncio.run(main())
raise ExceptionGroup(everything, [KeyError(everything)])
"""


@pytest.mark.parametrize("how", ["json", "plain"])
def test_a_process_tells_no_canary_whatever_it_says_and_dies_of(tmp_path: Path, how: str) -> None:
    given = json.dumps({"secrets": _SECRETS, "canaries": _CANARIES})
    ended = subprocess.run(
        [sys.executable, "-c", _TALKER, how, str(tmp_path)],
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    files = {path.stem: path.read_text() for path in tmp_path.rglob("*.log")}
    texts = {**files, "out": ended.stdout, "err": ended.stderr}
    assert ended.returncode == 1
    for place, text in texts.items():
        assert not [canary for canary in _CANARIES if canary in text], (place, text)
    everywhere = ended.stdout if how == "json" else files["application"]
    for word in ("ValueError", "RuntimeError", "KeyError", "UserWarning", "never retrieved"):
        assert word in everywhere, word
    if how == "json":
        assert {json.loads(line)["process"] for line in ended.stdout.splitlines()} == {"talker"}
        assert set(files["application"].splitlines()) == set(ended.stdout.splitlines())
        assert "could not be logged" in ended.stderr
    else:
        assert not ended.stdout
        assert "RuntimeError" in files["errors"]
        assert "ValueError" in files["security"]
        assert set(files["application"].splitlines()) < set(ended.stderr.splitlines())


def test_every_name_of_a_secret_has_its_hint() -> None:
    names = redaction._NAMES.replace("[sz]", "s").replace(".?", "_").split("|")
    assert len(names) == 12
    for name in names:
        assert redaction._SECRET_NAME.search(name), name
        assert Redactor().text(f"{name.upper()}=hidden-by-name") == f"{name.upper()}=***"
