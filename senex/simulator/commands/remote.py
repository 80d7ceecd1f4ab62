"""How a command finds a running simulator and asks it."""

from __future__ import annotations

import json
import os
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from senex.domain.errors import Refused, Unavailable, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_URL = "http://127.0.0.1:8580"
SERVING = "serving.json"
"""What a state folder says of the simulator that uses it."""


def tell_serving(folder: Path | None, rest: str) -> None:
    """Say in the state folder where it is served."""
    if folder is not None:
        written = folder / f"{SERVING}.new"
        written.write_text(json.dumps({"rest": rest, "pid": os.getpid()}), encoding="utf-8")
        written.replace(folder / SERVING)


def forget_serving(folder: Path | None) -> None:
    """Say that it is served no longer."""
    if folder is not None:
        (folder / SERVING).unlink(missing_ok=True)


def where(function: Callable[..., None]) -> Callable[..., None]:
    """The options that name a running simulator."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.option("--port", type=click.IntRange(1, 65535), help="Its port on this machine."),
        click.option("--url", help=f"Its address; {DEFAULT_URL} when nothing else is said."),
        click.option(
            "--state", type=click.Path(path_type=Path, file_okay=False), help="The state folder it uses."
        ),
    ):
        function = option(function)
    return function


def address(*, url: str | None, port: int | None, state: Path | None) -> str:
    """The simulator's address.

    Raises:
        UsageProblem: ``E_WHERE``: it is named twice.
        Unavailable: ``E_SIMULATOR_AWAY``: none runs on the state folder.
    """
    if sum(one is not None for one in (url, port, state)) > 1:
        raise UsageProblem("E_WHERE", "Name the simulator once: by --url, by --port or by --state.")
    if state is None:
        return (url or DEFAULT_URL).rstrip("/") if port is None else f"http://127.0.0.1:{port}"
    try:
        return str(json.loads((state / SERVING).read_text(encoding="utf-8"))["rest"])
    except (OSError, ValueError, KeyError):
        raise Unavailable(
            "E_SIMULATOR_AWAY",
            f"No simulator runs on {state}; start one with: senex simulator --state {state}",
        ) from None


def ask(base: str, method: str, path: str, body: object = None, *, patience: float | None = 10.0) -> Any:
    """Ask a simulator's control API; its answer.

    Raises:
        Unavailable: ``E_SIMULATOR_AWAY``.
        Refused: ``E_SIMULATOR_REFUSED``: what it says it cannot do.
    """
    parts = urlsplit(base)
    line = HTTPConnection(parts.hostname or "", parts.port, timeout=patience)
    try:
        content = None if body is None else json.dumps(body)
        line.request(method, path, content, {"Content-Type": "application/json"})
        answer = line.getresponse()
        told = json.loads(answer.read())
    except (OSError, HTTPException, ValueError):
        raise Unavailable(
            "E_SIMULATOR_AWAY", f"No simulator answers at {base}; start one, or name another --url."
        ) from None
    finally:
        line.close()
    if answer.status >= 400:
        problem = told.get("error", {}) if isinstance(told, dict) else {}
        raise Refused(
            "E_SIMULATOR_REFUSED", f"The simulator refuses: {problem.get('message', answer.status)}."
        )
    return told
