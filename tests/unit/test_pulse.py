"""The pulse of a process on its own machine."""

from __future__ import annotations

import os
import tempfile
import time
from typing import TYPE_CHECKING

import pytest

from senex import pulse

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_fresh_pulse_is_of_its_service_and_installation(runtime: Path) -> None:
    assert pulse.age("worker", "demo") is None
    pulse.touch("worker default", "demo@box/2")
    pulse.touch("relay", "other@box")
    age = pulse.age("worker", "demo")
    assert age is not None
    assert age < pulse.FRESH
    assert pulse.age("relay", "demo") is None
    assert pulse.age("work", "demo") is None
    assert oct((runtime / f"senex-{os.geteuid()}").stat().st_mode & 0o777) == "0o700"


def test_an_old_pulse_and_one_taken_away_say_nothing(runtime: Path) -> None:
    pulse.touch("relay", "demo@box")
    [file] = runtime.glob("senex-*/demo/*")
    then = time.time() - pulse.FRESH - 1  # noqa: TID251  files are dated by the machine
    os.utime(file, (then, then))
    assert pulse.age("relay", "demo") is None
    pulse.touch("relay", "demo@box")
    assert pulse.age("relay", "demo") is not None
    pulse.forget("relay", "demo@box")
    assert pulse.age("relay", "demo") is None


def test_a_folder_that_others_may_write_to_holds_no_pulse(runtime: Path) -> None:
    folder = runtime / f"senex-{os.geteuid()}"
    folder.mkdir()
    folder.chmod(0o777)
    pulse.touch("relay", "demo@box")
    assert not list(folder.iterdir())
    assert pulse.age("relay", "demo") is None
