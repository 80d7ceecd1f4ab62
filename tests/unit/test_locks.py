"""The lock check finds what it is for, and nothing in our own locks."""

from __future__ import annotations

import pytest

from tests.locks import ROOT, problems

_HASH = f"--hash=sha256:{'0' * 64}"
_PROJECT = """
[project]
dependencies = ["one>=1"]
[project.optional-dependencies]
embedded = []
[dependency-groups]
build = []
dev = ["two"]
"""
_BASE = f"one==1.5 \\\n    {_HASH}\n"
_DEV = f"{_BASE}two==2 ; python_version > '3' \\\n    {_HASH}\n"


def found(base: str = _BASE, dev: str = _DEV, project: str = _PROJECT) -> list[str]:
    return list(problems(project, {"requirements.lock": base, "requirements-dev.lock": dev}))


def test_our_locks_are_whole() -> None:
    read = {name: (ROOT / name).read_text() for name in ("requirements.lock", "requirements-dev.lock")}
    assert list(problems((ROOT / "pyproject.toml").read_text(), read)) == []


def test_a_whole_lock_has_no_problem() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("base", "dev", "said"),
    [
        ("one==1.5\n", _DEV, "one has no hash"),
        (f"one>=1 \\\n    {_HASH}\n", _DEV, "pins no version"),
        ("", _DEV, "lacks one"),
        (_BASE, _BASE, "lacks two"),
        (_BASE.replace("1.5", "0.9"), _DEV.replace("1.5", "0.9"), "asks for >=1"),
        (_BASE, _DEV.replace("1.5", "1.6"), "another version for development"),
        (f"--index-url https://packages.example/simple\n{_BASE}", _DEV, "names where packages come from"),
    ],
)
def test_a_lock_that_is_not_whole_is_named(base: str, dev: str, said: str) -> None:
    assert any(said in one for one in found(base, dev)), found(base, dev)
