"""``senex simulator clock``: look at a running simulator's time, and move it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import click

from senex.domain.errors import UsageProblem
from senex.simulator.commands.remote import address, ask, where

if TYPE_CHECKING:
    from pathlib import Path

DAEMON = ("scheduler", "streamer", "worker")
"""Who of a daemon takes part in lockstep."""
_SPAN = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|min|h|d)?$")
_SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0, None: 1.0}


@click.group(name="clock")
def clock() -> None:
    """Look at the market's time and move it."""


def span(text: str) -> float:
    """Seconds of ``90``, ``250ms``, ``5min``, ``6.5h`` or ``30d``.

    Raises:
        UsageProblem: ``E_SPAN``.
    """
    found = _SPAN.match(text)
    if found is None:
        raise UsageProblem("E_SPAN", f"{text!r} is no span of time; write 30s, 5min, 6.5h or 30d.")
    return float(found[1]) * _SECONDS[found[2]]


def _set(
    wish: dict[str, Any], *, as_json: bool, url: str | None, port: int | None, state: Path | None
) -> None:
    base = address(url=url, port=port, state=state)
    # how long a span takes is the market's business, not the connection's
    told = ask(base, "POST", "/clock", wish, patience=None) if wish else ask(base, "GET", "/clock")
    click.echo(json.dumps(told) if as_json else described(told))


def described(told: dict[str, Any]) -> str:
    """The clock's state in words."""
    step = told["lockstep"]
    pace = "in lockstep" if step["running"] else "paused" if not told["speed"] else f"at {told['speed']:g}×"
    waiting = f", waiting for {', '.join(step['waiting'])}" if step["waiting"] else ""
    session = told["session"]
    return (
        f"{told['instant'][:23].replace('T', ' ')} UTC, {pace}{waiting}; "
        f"session {session['date']} from {session['open'][11:16]} to {session['close'][11:16]} UTC"
    )


@clock.command("show")
@where
def show(**place: Any) -> None:
    """Say what time it is on the market."""
    _set({}, **place)


@clock.command("pause")
@where
def pause(**place: Any) -> None:
    """Stand still."""
    _set({"speed": 0}, **place)


@clock.command("run")
@click.argument("speed", type=click.FloatRange(0, 60, min_open=True), default=1.0)
@where
def run(speed: float, **place: Any) -> None:
    """Run freely, SPEED market seconds per second."""
    _set({"speed": speed}, **place)


@clock.command("step")
@click.argument("ticks", type=click.IntRange(1), default=1)
@where
def step(ticks: int, **place: Any) -> None:
    """Play TICKS of 250 ms while paused."""
    _set({"step": ticks}, **place)


@clock.command("advance")
@click.argument("how_far")
@click.option("--grid", help="Match and tell at this distance only: 250ms to 1h, or event.")
@where
def advance(how_far: str, grid: str | None, **place: Any) -> None:
    """Play a span such as 5min or 30d while paused; ends once everybody has digested it."""
    _set({**_grid(grid), "advance": span(how_far)}, **place)


@clock.command("jump")
@click.argument("to")
@where
def jump(to: str, **place: Any) -> None:
    """Go on at a later instant (ISO), or at the next-session, without the quotes in between."""
    _set({"to": to}, **place)


@clock.command("grid")
@click.argument("distance")
@where
def grid(distance: str, **place: Any) -> None:
    """Match and tell at this DISTANCE only: 250ms to 1h, or event."""
    _set(_grid(distance), **place)


@clock.command("lockstep")
@click.option("--daemon", is_flag=True, help="Wait for a senex daemon, also while it is away.")
@click.option("--until", help="Stop at this instant (ISO) or the next-session.")
@click.option("--grid", help="How far a turn goes: 250ms to 1h, or event.")
@where
def lockstep(*, daemon: bool, until: str | None, grid: str | None, **place: Any) -> None:
    """Go as fast as those who joined drain, from now on; `pause` ends it."""
    wish: dict[str, Any] = {**_grid(grid), "lockstep": True, "wait_for": DAEMON if daemon else ()}
    if until is not None:
        wish["until"] = until
    _set(wish, **place)


def _grid(text: str | None) -> dict[str, Any]:
    return {} if text is None else {"grid": text if text == "event" else span(text)}
