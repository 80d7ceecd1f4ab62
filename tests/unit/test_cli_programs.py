"""Programs get their own process image, and no secret but their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.unit.test_cli import environment

# stands in for the program's module: says that it runs, then waits to be looked at
_PROGRAM = """
import sys
print(sys.argv[1:], flush=True)
sys.stdin.read()
"""
_SECRETS = {
    "SENEX_DATABASE_URL": "postgresql://daemon-secret",
    "SENEX_DATABASE_DIRECT_URL": "postgresql://daemon-secret",
    "SENEX_REDIS_URL": "redis://daemon-secret",
    "SENEX_MIGRATOR_DATABASE_URL": "postgresql://owner-secret",
    "SENEX_ENCRYPTION_KEYS": "key-secret",
    "SENEX_BROKER_CLIENT_SECRET_FILE": "/run/broker-secret",
    "SENEX_BROKER_REFRESH_TOKEN": "broker-secret",
    "SENEX_CONSOLE_DATABASE_URL": "postgresql://console",
    "SENEX_CONSOLE_REDIS_URL_FILE": "/run/console",
    "SENEX_CLOCK_URL": "ws://clock",
    "AWS_SECRET_ACCESS_KEY": "foreign-secret",
}


def start(name: str, folder: Path, *arguments: str) -> tuple[subprocess.Popen[str], str]:
    """Start ``senex NAME`` with a stand-in for its module; the process and its first line."""
    module = {"tui": "tui", "daemon": "daemon"}[name]
    (folder / module).mkdir()
    (folder / module / "__init__.py").touch()
    (folder / module / "__main__.py").write_text(_PROGRAM)
    given = environment(_SECRETS)
    given["PYTHONPATH"] = f"{folder}{os.pathsep}{given['PYTHONPATH']}"
    process = subprocess.Popen(
        [sys.executable, "-m", "senex", name, *arguments],
        cwd=folder,
        env=given,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, process.stdout.readline()


def end(process: subprocess.Popen[str]) -> None:
    process.communicate("")
    assert process.returncode == 0


def seen(process: subprocess.Popen[str]) -> dict[str, str]:
    """The environment of a running process, as anybody of this user can see it."""
    raw = Path(f"/proc/{process.pid}/environ").read_bytes().decode()
    return dict(entry.split("=", 1) for entry in raw.split("\0") if entry)


def test_the_console_gets_its_own_secrets_only(tmp_path: Path) -> None:
    process, said = start("tui", tmp_path, "--help", "x")
    environ = seen(process)
    end(process)
    assert said == "['--help', 'x']\n"
    assert environ["SENEX_CONSOLE_DATABASE_URL"] == "postgresql://console"
    assert environ["SENEX_CONSOLE_REDIS_URL_FILE"] == "/run/console"
    assert environ["SENEX_CLOCK_URL"] == "ws://clock"
    assert not [name for name, value in environ.items() if "secret" in value]


def test_the_daemon_gets_neither_the_owners_nor_the_consoles(tmp_path: Path) -> None:
    process, said = start("daemon", tmp_path, "relay")
    environ = seen(process)
    end(process)
    assert said == "['relay']\n"
    assert environ["SENEX_BROKER_REFRESH_TOKEN"] == "broker-secret"
    assert not [name for name in environ if name.startswith(("SENEX_CONSOLE_", "SENEX_MIGRATOR_", "AWS_"))]


def test_a_folder_that_looks_like_a_program_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "tui").mkdir()
    (tmp_path / "tui" / "__main__.py").write_text("print('hijacked')")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "senex", "tui", "--help"],
        cwd=tmp_path,
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "hijacked" not in done.stdout
