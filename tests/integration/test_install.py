"""What ``install.sh`` says when something is missing; stand-in Pythons, nothing is installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
TOOLS = ("sh", "dirname", "cat", "env", "cksum", "head")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with the script and the locks, and a PATH with nothing but the shell's tools."""
    folder = tmp_path / "clone"
    (folder / "bin").mkdir(parents=True)
    for name in ("install.sh", "requirements.lock", "requirements-dev.lock", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, folder)
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None
        (folder / "bin" / tool).symlink_to(found)
    return folder


def python_that(clone: Path, name: str, words: str) -> None:
    """A stand-in Python; ``words`` is the shell code that answers its ``-c`` argument."""
    stub = clone / "bin" / name
    stub.write_text(f'#!/bin/sh\n{words}\nexec {sys.executable} "$@"\n')
    stub.chmod(0o755)


def install(clone: Path, *arguments: str, **environment: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [clone / "install.sh", *arguments],
        env={"PATH": str(clone / "bin"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_no_python_at_all(clone: Path) -> None:
    code, out, err = install(clone)
    assert (code, out) == (2, "")
    assert err.startswith("senex: no Python 3.11 to 3.13 was found; install one")
    assert err.count("\n") == 1


def test_only_an_old_python(clone: Path) -> None:
    python_that(clone, "python3", "exit 1")
    assert install(clone)[0] == 2
    assert "no Python 3.11 to 3.13" in install(clone)[2]


def test_a_named_python_that_does_not_fit(clone: Path) -> None:
    python_that(clone, "python3", "exit 1")
    code, out, err = install(clone, PYTHON="python3")
    assert (code, out) == (2, "")
    assert err == "senex: python3 is not a Python 3.11 to 3.13; name one that is with PYTHON=...\n"


def test_a_python_without_venv(clone: Path) -> None:
    python_that(clone, "python3", 'case "$*" in *ensurepip*) exit 1 ;; esac')
    code, out, err = install(clone)
    assert (code, out) == (2, "")
    assert err.startswith(
        "senex: python3 has no venv and ensurepip; install them (Debian: apt install python3-venv)"
    )
    assert err.count("\n") == 1
    assert not (clone / ".venv").exists()


def stand_in_uv(clone: Path) -> Path:
    """A uv that makes the virtual environment's Python and writes down what it was asked."""
    log = clone / "uv.log"
    python_that(
        clone,
        "uv",
        f'echo "$*" >>{log}\n'
        "/bin/mkdir -p .venv/bin\n"
        "[ -e .venv/bin/python ] || /bin/ln -s ../../bin/python3 .venv/bin/python\n"
        "exit 0",
    )
    return log


def test_an_unknown_kind_of_installation(clone: Path) -> None:
    python_that(clone, "python3", ":")
    stand_in_uv(clone)
    code, out, err = install(clone, "everything")
    assert (code, out) == (2, "")
    assert err == "senex: there is no requirements-everything.lock; install.sh takes nothing or dev.\n"


def test_nothing_is_done_when_what_is_installed_matches(clone: Path) -> None:
    python_that(clone, "python3", ":")
    log = stand_in_uv(clone)
    assert install(clone)[0] == 0
    first = log.read_text().splitlines()
    assert [line.split()[0] for line in first] == ["venv", "pip", "pip"]
    assert install(clone)[0] == 0
    assert log.read_text().splitlines() == first
    with (clone / "requirements.lock").open("a") as lock:
        lock.write("# newer\n")
    assert install(clone)[0] == 0
    assert [line.split()[0] for line in log.read_text().splitlines()[3:]] == ["pip", "pip"]


def test_packages_that_do_not_install(clone: Path) -> None:
    python_that(clone, "python3", f'[ "$2" != venv ] || exec {sys.executable} -m venv --without-pip .venv')
    code, out, err = install(clone)
    assert (code, out) == (3, "")
    assert err.splitlines()[-1].startswith("senex: the packages of requirements.lock did not install")
    assert not (clone / ".venv" / ".senex-base").exists()
