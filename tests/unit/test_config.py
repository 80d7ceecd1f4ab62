"""Settings: each role its own, secrets from files, and no way into real money by accident."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from senex.config import (
    ConsoleSettings,
    DaemonSettings,
    MigratorSettings,
    UpSettings,
    child_environment,
    load,
)
from senex.domain.errors import UsageProblem
from senex.domain.limits import PRESETS, Limits

if TYPE_CHECKING:
    from pathlib import Path

DATABASE = "postgresql://u:canary@127.0.0.1/senex_trader"
DAEMON = {
    "SENEX_DATABASE_URL": DATABASE,
    "SENEX_REDIS_URL": "redis://daemon:canary@127.0.0.1/0",
    "SENEX_CLOCK_URL": "ws://127.0.0.1:1/clock",
    "SENEX_BROKER_REST_URL": "http://127.0.0.1:1",
    "SENEX_BROKER_ALERTS_URL": "ws://simulator:1/alerts",
    "SENEX_BROKER_CLIENT_SECRET": "canary",
    "SENEX_BROKER_REFRESH_TOKEN": "canary",
}
CONSOLE = {
    "SENEX_CONSOLE_DATABASE_URL": DATABASE,
    "SENEX_CONSOLE_REDIS_URL": "redis://console:canary@127.0.0.1/0",
    "SENEX_CLOCK_URL": "ws://127.0.0.1:1/clock",
}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of whoever runs the tests."""
    for name in {*DAEMON, *CONSOLE, "SENEX_ENVIRONMENT", "SENEX_INSTANCE", "SENEX_MIGRATOR_DATABASE_URL"}:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def put(monkeypatch: pytest.MonkeyPatch, *sets: dict[str, str], **changes: str) -> None:
    for name, value in {name: value for each in (*sets, changes) for name, value in each.items()}.items():
        monkeypatch.setenv(name, value)


def refused(kind: type[DaemonSettings | ConsoleSettings | MigratorSettings | UpSettings]) -> UsageProblem:
    with pytest.raises(UsageProblem) as problem:
        load(kind)
    return problem.value


def test_without_a_word_the_environment_is_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, DAEMON)
    settings = load(DaemonSettings)
    assert settings.environment == "simulated"
    assert settings.direct_url == DATABASE
    assert "canary" not in repr(settings)


@pytest.mark.parametrize(
    "name", sorted(set(DAEMON) - {"SENEX_BROKER_CLIENT_SECRET", "SENEX_BROKER_REFRESH_TOKEN"})
)
def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    put(monkeypatch, DAEMON, **{name: ""})
    problem = refused(DaemonSettings)
    assert (problem.code, problem.message.startswith(f"{name} is not set")) == ("E_CONFIG_MISSING", True)


@pytest.mark.parametrize(
    "url", ["https://api.tastyworks.com", "https://proxy.example.com", "http://8.8.8.8:1"]
)
def test_a_simulated_daemon_stays_near(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    put(monkeypatch, DAEMON, SENEX_BROKER_REST_URL=url)
    assert refused(DaemonSettings).code == "E_CONFIG_ENVIRONMENT"


@pytest.mark.parametrize(
    "url", ["https://api.tastyworks.com", "https://tastyworks.com.", "https://API.tastytrade.com:443/x"]
)
def test_a_sandbox_never_reaches_real_money(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    put(monkeypatch, DAEMON, SENEX_ENVIRONMENT="sandbox", SENEX_CLOCK_URL="", SENEX_BROKER_REST_URL=url)
    assert refused(DaemonSettings).code == "E_CONFIG_ENVIRONMENT"


@pytest.mark.parametrize("environment", ["sandbox", "live"])
def test_sandbox_and_live_need_no_address_and_run_on_real_time(
    monkeypatch: pytest.MonkeyPatch, environment: str
) -> None:
    put(monkeypatch, DAEMON, CONSOLE, SENEX_ENVIRONMENT=environment)
    put(monkeypatch, {"SENEX_BROKER_REST_URL": "", "SENEX_BROKER_ALERTS_URL": ""})
    assert {refused(DaemonSettings).code, refused(ConsoleSettings).code} == {"E_CONFIG_ENVIRONMENT"}

    put(monkeypatch, {"SENEX_CLOCK_URL": ""})
    settings = load(DaemonSettings)
    assert (settings.environment, settings.clock_url, settings.broker_rest_url) == (environment, None, None)
    assert load(ConsoleSettings).environment == environment


def test_a_proxy_may_stand_between_in_sandbox_and_live(monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, DAEMON, SENEX_CLOCK_URL="", SENEX_BROKER_ALERTS_URL="")
    for environment, url in (
        ("sandbox", "https://api.cert.tastyworks.com"),
        ("sandbox", "https://proxy.example.com"),
        ("live", "https://proxy.example.com"),
    ):
        put(monkeypatch, SENEX_ENVIRONMENT=environment, SENEX_BROKER_REST_URL=url)
        assert load(DaemonSettings).broker_rest_url == url


def test_a_console_dates_by_the_simulated_market(monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, CONSOLE, SENEX_CLOCK_URL="")
    assert refused(ConsoleSettings).message.startswith("SENEX_CLOCK_URL is not set")


@pytest.mark.parametrize("name", ["LIVE", "production", "simulation"])
def test_no_other_word_is_an_environment(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    put(monkeypatch, DAEMON, SENEX_ENVIRONMENT=name)
    problem = refused(DaemonSettings)
    assert (problem.code, "SENEX_ENVIRONMENT" in problem.message) == ("E_CONFIG_VALUE", True)


def test_a_secret_may_be_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text(f"{DATABASE}\n", encoding="utf-8")
    put(monkeypatch, SENEX_MIGRATOR_DATABASE_URL_FILE=str(secret))
    assert load(MigratorSettings).migrator_database_url.get_secret_value() == DATABASE


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe"])
def test_a_secret_file_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    secret = tmp_path / "url"
    if content is not None:
        secret.write_bytes(content)
    put(monkeypatch, SENEX_MIGRATOR_DATABASE_URL_FILE=str(secret))
    problem = refused(MigratorSettings)
    assert (problem.code, str(secret) in problem.message) == ("E_CONFIG_FILE", True)


@pytest.mark.parametrize(
    ("text", "said"),
    [("instance = [", "cannot be read"), ("instanse = 'demo'", "sets instanse, which is no setting")],
)
def test_a_settings_file_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "senex" / "senex.toml"
    file.parent.mkdir()
    file.write_text(text, encoding="utf-8")
    put(monkeypatch, CONSOLE)
    problem = refused(ConsoleSettings)
    assert (problem.code, str(file) in problem.message, said in problem.message) == (
        "E_CONFIG_FILE",
        True,
        True,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SENEX_CONSOLE_DATABASE_URL", "nonsense"),
        ("SENEX_CONSOLE_REDIS_URL", "http://127.0.0.1"),
        ("SENEX_CLOCK_URL", "http://127.0.0.1/clock"),
        ("SENEX_KEYS", "kill=f5"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    put(monkeypatch, CONSOLE, **{name: value})
    problem = refused(ConsoleSettings)
    assert (problem.code, name in problem.message, value in problem.message) == (
        "E_CONFIG_VALUE",
        True,
        False,
    )


@pytest.mark.parametrize("kind", [DaemonSettings, UpSettings])
def test_a_line_of_channels_that_is_none_stops_a_daemon_before_it_starts(
    monkeypatch: pytest.MonkeyPatch, kind: type[DaemonSettings | UpSettings]
) -> None:
    put(monkeypatch, DAEMON, SENEX_NOTIFY_URLS="# root's\nroot json://canary")
    problem = refused(kind)
    assert (problem.code, "line 2 is not OPERATOR=ADDRESS" in problem.message) == ("E_CONFIG_VALUE", True)
    assert "canary" not in problem.message


def test_a_child_gets_its_own_settings_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, DAEMON, CONSOLE, SENEX_BROKER_CLIENT_SECRET_FILE="/f", AWS_SECRET_ACCESS_KEY="x")

    console, daemon = child_environment("console"), child_environment("daemon")

    assert {name for name in console if name.startswith("SENEX_")} == set(CONSOLE)
    assert not {name for name in daemon if name.startswith("SENEX_CONSOLE_")}
    assert set(DAEMON) <= set(daemon)
    assert "SENEX_BROKER_CLIENT_SECRET_FILE" in daemon
    assert not {name for name in child_environment("simulator") if "DATABASE" in name or "BROKER" in name}
    assert "AWS_SECRET_ACCESS_KEY" not in {*console, *daemon}


def test_the_page_of_variables_is_current() -> None:
    check = [sys.executable, "-m", "senex.config_docs", "--check"]
    assert subprocess.run(check, check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize(
    ("given", "named"), [(None, set()), ("", set()), ("5WX1", {"5WX1"}), ("5WX1, 5WX2", {"5WX1", "5WX2"})]
)
def test_accounts_of_live_are_named_one_by_one(
    monkeypatch: pytest.MonkeyPatch, given: str | None, named: set[str]
) -> None:
    put(monkeypatch, DAEMON, **({} if given is None else {"SENEX_LIVE_ACCOUNT": given}))
    assert load(DaemonSettings).named_accounts == named


def test_limits_are_set_for_all_and_for_one_account(monkeypatch: pytest.MonkeyPatch) -> None:
    put(
        monkeypatch,
        DAEMON,
        SENEX_LIMIT_MAX_OPEN_POSITIONS="7",
        SENEX_ACCOUNT_LIMITS='{"5WX1": {"max_open_positions": 2, "daily_loss_share": "0.01"}}',
    )
    book = load(DaemonSettings).limit_book()
    assert book.of("other", "moderate") == replace(Limits(PRESETS["moderate"]), max_open_positions=7)
    assert book.of("5WX1", "moderate").max_open_positions == 2
    assert book.of("5WX1", "moderate").daily_loss_share == Decimal("0.01")


def test_what_is_streamed_and_who_works_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, DAEMON)
    usual = load(DaemonSettings)
    assert (usual.stream_symbols, usual.queue_workers) == (500, {})
    put(monkeypatch, DAEMON, SENEX_STREAM_SYMBOLS="80", SENEX_QUEUE_WORKERS='{"accounts": 4}')
    given = load(DaemonSettings)
    assert (given.stream_symbols, given.queue_workers) == (80, {"accounts": 4})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SENEX_LIMIT_DAILY_LOSS_SHARE", "3"),
        ("SENEX_LIMIT_MAX_OPEN_POSITIONS", "0"),
        ("SENEX_ACCOUNT_LIMITS", '{"5WX1": {"no_such_limit": 1}}'),
        ("SENEX_ACCOUNT_LIMITS", "{"),
        ("SENEX_STREAM_SYMBOLS", "0"),
        ("SENEX_STREAM_SYMBOLS", "all"),
        ("SENEX_QUEUE_WORKERS", '{"accounts": 0}'),
        ("SENEX_QUEUE_WORKERS", '{"acounts": 2}'),
        ("SENEX_QUEUE_WORKERS", "4"),
    ],
)
def test_a_limit_that_makes_no_sense_is_a_mistake(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    put(monkeypatch, DAEMON, {name: value})
    problem = refused(DaemonSettings)
    assert problem.code == "E_CONFIG_VALUE"
    assert name in problem.message
