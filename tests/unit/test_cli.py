"""The command line as a process: help, errors, exit codes, and what it loads."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from senex.cli.output import gain, price, table
from senex.cli.root import root
from senex.command_line import Options, run_command
from senex.machine import local_console_file

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
_HEAVY = (
    "aiohttp",
    "alembic",
    "numpy",
    "pandas",
    "psycopg",
    "pydantic",
    "redis",
    "sqlalchemy",
    "tastytrade",
    "textual",
)
_CONSOLE = """
import sys, tui.app, tui.connect, senex.bootstrap.live_console
print(sorted(sys.modules))
"""
_LOADED = """
import sys
from senex.cli import main
code = main({arguments!r})
print(sorted(name for name in sys.modules if "." not in name), file=sys.stderr)
"""


def senex(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command with no settings but the given ones."""
    return subprocess.run(
        [sys.executable, "-m", "senex", *arguments],
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def environment(settings: dict[str, str]) -> dict[str, str]:
    """This machine's basics, and nothing of a senex that may be set up on it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SENEX_", "XDG_"))}  # noqa: TID251
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "XDG_CONFIG_HOME": "/nonexistent",
        "XDG_DATA_HOME": "/nonexistent",
        **settings,
    }


def loaded(*arguments: str) -> set[str]:
    """Top-level modules a command has loaded at its end."""
    done = subprocess.run(
        [sys.executable, "-c", _LOADED.format(arguments=list(arguments))],
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(re.findall(r"'(\w+)'", done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("arguments", [["--help"], ["version"]])
def test_help_loads_click_and_the_standard_library_only(arguments: list[str]) -> None:
    found = loaded(*arguments)
    assert "click" in found
    strangers = found - set(sys.stdlib_module_names) - {"senex", "click"}
    assert not {name for name in strangers if not name.startswith("_")}


def test_commands_of_the_console_load_no_broker_and_no_screen() -> None:
    found = loaded("status")
    assert "psycopg" in found
    assert not found & {"tastytrade", "textual", "sqlalchemy", "redis", "aiohttp", "numpy"}


def test_version_and_paths_are_data() -> None:
    told = json.loads(senex("version", "--json").stdout)
    assert told["version"] == 1
    assert told["senex"]
    paths = json.loads(senex("paths", "--json", SENEX_INSTANCE="other").stdout)
    assert paths["settings"] == "/nonexistent/senex/senex.toml"
    assert paths["data"].endswith("/other")


def test_settings_say_where_they_come_from_and_hide_secrets(tmp_path: Path) -> None:
    (tmp_path / "senex").mkdir()
    (tmp_path / "senex" / "senex.toml").write_text('instance = "filed"\nidle_lock_minutes = 3\n')
    secret = tmp_path / "secret"
    secret.write_text("redis://hidden\n")
    done = senex(
        "config",
        "show",
        "--json",
        XDG_CONFIG_HOME=str(tmp_path),
        SENEX_IDLE_LOCK_MINUTES="7",
        SENEX_CONSOLE_REDIS_URL_FILE=str(secret),
        SENEX_DATABASE_URL="postgresql://hidden",
    )
    assert "hidden" not in done.stdout
    found = {one["variable"]: one for one in json.loads(done.stdout)["settings"]}
    assert (found["SENEX_INSTANCE"]["value"], found["SENEX_INSTANCE"]["origin"]) == (
        "filed",
        str(tmp_path / "senex" / "senex.toml"),
    )
    assert (found["SENEX_IDLE_LOCK_MINUTES"]["value"], found["SENEX_IDLE_LOCK_MINUTES"]["origin"]) == (
        "7",
        "environment",
    )
    assert found["SENEX_CONSOLE_REDIS_URL"]["origin"] == "SENEX_CONSOLE_REDIS_URL_FILE"
    assert found["SENEX_DATABASE_URL"]["value"] == "********"
    assert found["SENEX_REDIS_URL"]["origin"] == "missing"
    table = senex("config", "show", "--origin")
    assert re.search(r"SENEX_ENVIRONMENT +simulated +default", table.stdout)


def test_commands_find_the_instance_that_runs_here_unless_told_otherwise(open_folder: Path) -> None:
    """The file is what a demo leaves; its servers are away here, so finding it means trying them."""
    here = {"XDG_DATA_HOME": str(open_folder)}
    left = local_console_file(open_folder / "senex" / "mine")
    left.parent.mkdir(parents=True)
    left.write_text(
        json.dumps(
            {
                "environment": "simulated",
                "console_database_url": "postgresql://x:hidden@127.0.0.1:1/x",
                "console_redis_url": "redis://127.0.0.1:1",
                "clock_url": "ws://127.0.0.1:1/clock",
            }
        )
    )
    assert "[E_CLOCK_AWAY]" in senex("alarms", "list", SENEX_INSTANCE="mine", **here).stderr
    assert "[E_CONFIG_MISSING]" in senex("alarms", "list", SENEX_INSTANCE="other", **here).stderr
    live = senex("alarms", "list", SENEX_INSTANCE="mine", SENEX_ENVIRONMENT="live", **here)
    assert "[E_CONFIG_MISSING]" in live.stderr
    shown = senex("config", "show", "--origin", SENEX_INSTANCE="mine", **here).stdout
    assert re.search(r"SENEX_CONSOLE_DATABASE_URL +\*+ +the instance that runs here", shown)
    assert "hidden" not in shown


def test_an_error_is_one_sentence_with_a_code_and_an_exit_code() -> None:
    ended = senex("status")
    assert (ended.returncode, ended.stdout) == (3, "")
    assert re.fullmatch(r"The instance .* does not run on this machine .* \[E_NOT_RUNNING\]\n", ended.stderr)
    missing = senex("alarms", "list")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert re.fullmatch(r"SENEX_CONSOLE_DATABASE_URL is not set; .* \[E_CONFIG_MISSING\]\n", missing.stderr)
    away = senex(
        "status",
        SENEX_ENVIRONMENT="sandbox",
        SENEX_CONSOLE_DATABASE_URL="postgresql://x@127.0.0.1:1/x",
        SENEX_CONSOLE_REDIS_URL="redis://x",
    )
    assert away.returncode == 3
    assert away.stderr.endswith("[E_POSTGRES_AWAY]\n")
    assert len(away.stderr.splitlines()) == 1
    clock = senex(
        "status",
        SENEX_CONSOLE_DATABASE_URL="postgresql://x@127.0.0.1:1/x",
        SENEX_CONSOLE_REDIS_URL="redis://x",
        SENEX_CLOCK_URL="ws://127.0.0.1:1/clock",
    )
    assert clock.returncode == 3
    assert "[E_CLOCK_AWAY]" in clock.stderr


def test_a_traceback_needs_debug() -> None:
    done = senex("--debug", "status")
    assert "Traceback" in done.stderr
    assert done.returncode != 0


def test_a_bug_is_told_by_its_kind_and_not_by_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> None:
        raise KeyError("canary")

    assert run_command(click.Command("broken", callback=broken), "senex broken", []) == 1
    said = capsys.readouterr().err
    assert "(KeyError)" in said
    assert "canary" not in said
    with pytest.raises(KeyError):
        run_command(click.Command("broken", callback=broken), "senex broken", [], options=Options(debug=True))


def test_debug_reaches_what_a_command_becomes() -> None:
    done = senex("--debug", "account", "connect")
    assert "Traceback" in done.stderr
    assert "[E_CONFIG_MISSING]" in done.stderr


def test_usage_is_code_2() -> None:
    done = senex("nonsense")
    assert done.returncode == 2
    assert "No such command" in done.stderr


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command senex itself runs, by its full name."""
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None, name
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        elif command.add_help_option:
            yield " ".join((*path, name)), command


def test_every_command_shows_an_example_that_names_it() -> None:
    for name, command in commands(root):
        assert f"Example: senex {name}" in " ".join((command.help or "").split()), name


def test_what_prints_data_prints_json_too() -> None:
    silent = {"secrets key", "db bootstrap", "operator add", "operator passphrase"}
    for name, command in commands(root):
        if name not in silent:
            assert "--json" in {option for each in command.params for option in each.opts}, name


def test_the_console_loads_no_broker_and_no_books() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _CONSOLE],
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found = set(re.findall(r"'([\w.]+)'", done.stdout))
    assert {"textual", "psycopg", "redis"} <= found
    for stranger in (
        "tastytrade",
        "senex.broker",
        "senex.simulator",
        "sqlalchemy",
        "alembic",
        "pandas",
        "rq",
        "daemon",
    ):
        assert stranger not in found


@pytest.mark.parametrize(
    "arguments",
    [
        ("bogus",),
        ("--bogus",),
        ("status", "more"),
        ("suggest",),
        ("suggest", "QQQ", "--timeout", "nan"),
        ("up", "--bogus"),
        ("down", "--timeout", "0"),
        ("demo", "--bogus"),
        ("daemon", "bogus"),
        ("db", "upgrade-server", "--old-server", "/nowhere"),
        ("db", "restore", "--to", "yesterday"),
        ("db", "escrow"),
        ("secrets", "rotate", "keys", "--patience", "soon"),
    ],
)
def test_a_usage_error_is_one_sentence_with_a_code_and_the_remedy(arguments: tuple[str, ...]) -> None:
    done = senex(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"[^\n]+; `senex[^`\n]* --help` says what there is\. \[E_USAGE\]\n", done.stderr)


def test_columns_of_figures_stand_to_the_right_and_keep_a_half_cent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [
        ("put", price(Decimal("2.985")), gain(Decimal("-0.5"))),
        ("call", price(Decimal("-12.5")), gain(Decimal(1234))),
        ("none", price(None), gain(None)),
    ]
    table(("spread", "now", "P&L"), rows, empty="")
    assert capsys.readouterr().out.splitlines() == [
        "spread           now         P&L",
        "put     2.985 credit      -$0.50",
        "call     12.50 debit  +$1,234.00",
        "none               —           —",
    ]


def test_what_cannot_be_a_symbol_is_refused_before_anything_is_asked() -> None:
    done = senex("suggest", "[red]")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "'[red]' is not a symbol senex knows; check the spelling. [E_SYMBOL]\n"
