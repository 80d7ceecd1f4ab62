"""A simulator for a foreign program: the process an operator starts, and the world that program lives in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from senex.simulator.market.dates import on_or_before

if TYPE_CHECKING:
    from collections.abc import Iterator

REDIRECTED = Path(__file__).parent / "redirected"
REPOSITORY = Path(__file__).parents[2]
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE")


@contextmanager
def simulator(folder: Path, *options: str) -> Iterator[dict[str, Any]]:
    """Run ``senex simulator`` with its state in a folder; gives the line it is ready with."""
    command = [
        *(sys.executable, "-m", "senex.simulator", "--port", "0"),
        *("--state", str(folder), "--start", yesterday().isoformat(), *options),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def yesterday() -> date:
    """The last session before today by the wall: foreign programs ask for history up to their own today."""
    return on_or_before(date.today() - timedelta(days=1))  # noqa: DTZ011  any zone's today will do


def environment(ready: dict[str, Any], home: Path) -> dict[str, str]:
    """Variables of a program that runs against a ready simulator, with a home of its own and no proxies."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}  # noqa: TID251  the machine's own
    return {
        **kept,
        "HOME": str(home),
        "PYTHONPATH": str(REDIRECTED),
        "SIMULATOR_REST": ready["rest"],
        "SIMULATOR_ALERTS": ready["alerts"],
        "TT_SECRET": ready["client_secret"],
        "TT_REFRESH": ready["refresh_token"],
        "TT_ACCOUNT": ready["account"],
    }
