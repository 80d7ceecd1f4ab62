"""What the parts of one machine are given."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from daemon.demo.stage import Plot, Stage
from daemon.embedded.database import DatabaseUrls
from daemon.embedded.endpoints import Endpoints, PostgresEndpoint, RedisEndpoint
from daemon.embedded.secrets import SecretFiles
from daemon.embedded.services import EmbeddedServices
from senex.config import Environment

if TYPE_CHECKING:
    from pathlib import Path


def test_what_the_operator_has_set_stands_before_what_the_stage_would_say(open_folder: Path) -> None:
    theirs = {"SENEX_LOG_DIR": "/logs", "SENEX_ENCRYPTION_KEYS_FILE": "/keys"}
    stage = Stage(Plot(instance="one", root=open_folder, settings=theirs, environment=Environment.SANDBOX))
    stage.services = EmbeddedServices("one", root=open_folder)
    stage.urls = DatabaseUrls("owner", "daemon", "console", "backup")
    secrets = SecretFiles(open_folder)
    stage.endpoints = Endpoints(
        "one",
        open_folder,
        PostgresEndpoint("127.0.0.1", 1, "postgres", "x"),
        RedisEndpoint("127.0.0.1", 1, "x", "y"),
        secrets,
    )
    given = stage._daemon_environment()
    assert {name: given[name] for name in theirs} == theirs
    assert given["SENEX_ENVIRONMENT"] == "sandbox"


def test_debug_reaches_what_runs_behind_the_terminal() -> None:
    asked = "from daemon.up.detach import _as_this; print(_as_this())"
    for words, said in ((("-P", "-X", "senex-debug"), "('-P', '-X', 'senex-debug')"), ((), "()")):
        told = subprocess.check_output([sys.executable, *words, "-c", asked], text=True)
        assert told == f"{said}\n"
