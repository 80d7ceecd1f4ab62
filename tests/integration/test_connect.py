"""``senex account connect`` against a real simulator: tried, then kept; or one sentence, and nothing kept."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import structlog
from cryptography.fernet import Fernet

from daemon.tools.connect import main
from senex.command_line import run_command
from senex.store.logins import Login, kept_login
from senex.store.vault import Vault
from tests.simulated import simulated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.simulated import Simulated

    Connect = Callable[..., "Done"]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulated]:
    with simulated(tmp_path_factory.mktemp("broker")) as one:
        yield one


@pytest.fixture
def settings(broker: Simulated, database_url: str, tmp_path: Path) -> dict[str, str]:
    """What the command's environment says; nothing secret of the grant."""
    access = broker.access
    return {
        "SENEX_ENVIRONMENT": "simulated",
        "SENEX_DATABASE_URL": database_url,
        "SENEX_REDIS_URL": "redis://127.0.0.1:1/0",
        "SENEX_BROKER_REST_URL": str(access.rest_url),
        "SENEX_BROKER_ALERTS_URL": str(access.alerts_url),
        "SENEX_CLOCK_URL": str(broker.ready["clock"]),
        "SENEX_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "SENEX_LOG_DIR": str(tmp_path / "logs"),
    }


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Connect]:
    """The program as its own process would run it, in this one: starting Python costs more than all it does."""
    root, hooks = logging.getLogger(), (sys.excepthook, threading.excepthook)
    handlers, level = list(root.handlers), root.level

    def run(settings: dict[str, str], *words: str, typed: str = "") -> Done:
        with monkeypatch.context() as given:
            for name, value in settings.items():
                given.setenv(name, value)
            given.setattr(sys, "stdin", io.StringIO(typed))
            code = run_command(main, "senex account connect", words)
        out, err = capsys.readouterr()
        return Done(code, out, err)

    yield run
    root.handlers, root.level = handlers, level
    logging.captureWarnings(capture=False)
    sys.excepthook, threading.excepthook = hooks
    structlog.reset_defaults()


def lines(broker: Simulated, **other: str) -> str:
    access = broker.access
    grant = {"secret": access.client_secret, "token": access.refresh_token} | other
    return f"{grant['secret']}\n{grant['token']}\n"


def kept(settings: dict[str, str]) -> Login | None:
    return kept_login(settings["SENEX_DATABASE_URL"], "simulated", Vault(settings["SENEX_ENCRYPTION_KEYS"]))


def test_a_grant_is_tried_kept_and_told_by_its_accounts_only(
    connect: Connect, broker: Simulated, settings: dict[str, str], tmp_path: Path
) -> None:
    done = connect(settings, "--json", typed=lines(broker))

    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert (told["environment"], [one["number"] for one in told["accounts"]]) == (
        "simulated",
        [broker.account],
    )
    access = broker.access
    assert kept(settings) == Login(access.refresh_token, access.client_secret)
    logged = (tmp_path / "logs" / "connect" / "security.log").read_text()
    assert "an OAuth grant was connected" in logged
    assert "logged in at the broker" in logged
    assert "the encryption keys sealed a secret" in logged
    everything = done.stdout + done.stderr + logged
    assert not [one for one in (access.refresh_token, access.client_secret) if one in everything]


def test_a_file_of_mode_0600_does_as_well(
    connect: Connect, broker: Simulated, settings: dict[str, str], tmp_path: Path
) -> None:
    access, file = broker.access, tmp_path / "grant.json"
    file.touch(mode=0o600)
    file.write_text(
        json.dumps({"client_secret": access.client_secret, "refresh_token": access.refresh_token})
    )

    done = connect(settings, "--from", str(file))

    assert done.returncode == 0, done.stderr
    assert kept(settings) == Login(access.refresh_token, access.client_secret)


REFUSED: dict[str, tuple[dict[str, str], tuple[str, ...], dict[str, str], int, str]] = {
    # what is wrong: settings, words, what is typed instead, exit code, code
    "a revoked token": ({}, (), {"token": "canary-revoked"}, 4, "E_BROKER_TOKEN"),
    "a secret of another application": ({}, (), {"secret": "canary-other"}, 4, "E_BROKER_TOKEN"),
    "an empty token": ({}, (), {"token": ""}, 2, "E_SECRET_FORM"),
    "a token with a space": ({}, (), {"token": "canary one two"}, 2, "E_SECRET_FORM"),
    "a token that is no text": ({}, (), {"token": "canary\x1b[2J"}, 2, "E_SECRET_FORM"),
    "no file": ({}, ("--from", "/nowhere/grant"), {}, 2, "E_SECRET_UNREADABLE"),
    "no keys": ({"SENEX_ENCRYPTION_KEYS": ""}, (), {}, 2, "E_CONFIG_MISSING"),
    "what is no key": ({"SENEX_ENCRYPTION_KEYS": "canary-short"}, (), {}, 2, "E_ENCRYPTION_KEY"),
    "a setting that would win": ({"SENEX_BROKER_REFRESH_TOKEN": "canary-set"}, (), {}, 2, "E_LOGIN_SET"),
    "no broker": ({"SENEX_BROKER_REST_URL": "http://127.0.0.1:1"}, (), {}, 3, "E_BROKER_AWAY"),
    "no database": (
        {"SENEX_DATABASE_URL": "postgresql://u:canary@127.0.0.1:1/x"},
        (),
        {},
        3,
        "E_POSTGRES_AWAY",
    ),
    "--live where nothing is": ({}, ("--live",), {}, 2, "E_CONFIG_ENVIRONMENT"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_wrong_is_one_sentence_with_a_code_and_nothing_is_kept(
    connect: Connect, broker: Simulated, settings: dict[str, str], what: str
) -> None:
    other, words, typed, code, said = REFUSED[what]

    done = connect(settings | other, *words, typed=lines(broker, **typed))

    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert done.stderr.rstrip().endswith(f"[{said}]"), done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "canary" not in done.stderr
    assert kept(settings) is None


@pytest.mark.parametrize(
    ("mode", "text", "said"),
    [
        (0o644, '{"client_secret": "s", "refresh_token": "canary"}', "E_SECRET_OPEN"),
        (0o600, "canary", "E_SECRET_FORM"),
        (0o600, '{"client_secret": "canary"}', "E_SECRET_FORM"),
    ],
)
def test_a_file_that_is_open_or_wrong_is_refused(
    connect: Connect, settings: dict[str, str], tmp_path: Path, mode: int, text: str, said: str
) -> None:
    file = tmp_path / "grant.json"
    file.write_text(text)
    file.chmod(mode)

    done = connect(settings, "--from", str(file))

    assert done.returncode == 2
    assert f"[{said}]" in done.stderr
    assert "canary" not in done.stderr
    assert kept(settings) is None


def live(broker: Simulated, settings: dict[str, str]) -> dict[str, str]:
    """The same, but for real money: the simulator stands in as a live broker would."""
    found = {name: value for name, value in settings.items() if name != "SENEX_CLOCK_URL"}
    return found | {"SENEX_ENVIRONMENT": "live"}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 4, "E_NOT_LIVE"),
        (("--live",), 4, "E_NOT_CONFIRMED"),
        (("--live", "--confirm", "5WX00000"), 2, "E_ACCOUNT"),
    ],
)
def test_live_takes_a_switch_and_the_accounts_number(
    connect: Connect,
    broker: Simulated,
    settings: dict[str, str],
    words: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    done = connect(live(broker, settings), *words, typed=lines(broker))

    assert done.returncode == code, done.stderr
    assert f"[{said}]" in done.stderr
    with psycopg.connect(settings["SENEX_DATABASE_URL"]) as connection:
        assert connection.execute("SELECT count(*) FROM broker_login").fetchone() == (0,)


def test_live_is_connected_once_the_account_is_named(
    connect: Connect, broker: Simulated, settings: dict[str, str]
) -> None:
    given = live(broker, settings)

    done = connect(given, "--live", "--confirm", broker.account, typed=lines(broker))

    assert done.returncode == 0, done.stderr
    vault = Vault(settings["SENEX_ENCRYPTION_KEYS"])
    found = kept_login(settings["SENEX_DATABASE_URL"], "live", vault)
    assert found == Login(broker.access.refresh_token, broker.access.client_secret)
