"""The screens, at both sizes, in every state they can be in."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from textual.widgets import Input

from senex.ports.views import ReasonView
from tests.tui import console_world as w
from tui.model import Refresher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from textual.pilot import Pilot

SCREENS = {"home": "1", "approvals": "2", "positions": "3", "orders": "4", "jobs": "9", "inbox": "0"}
STREAMING = [name for name in SCREENS if name not in ("jobs", "inbox")]
SIZES = [(80, 24), (160, 48)]


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local times are those of one place, wherever the pictures are taken."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(params=SIZES, ids=["80x24", "160x48"])
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    found: tuple[int, int] = request.param
    return found


@pytest.fixture(params=list(SCREENS))
def key(request: pytest.FixtureRequest) -> str:
    return SCREENS[request.param]


def shows(world: w.World, *keys: str) -> Callable[[Pilot[None]], object]:
    async def run(pilot: Pilot[None]) -> None:
        await world.ready(pilot)
        for one in keys:
            await pilot.press(one)
            await w.settle(pilot)
        for entry in world.app.screen.query(Input):
            entry.cursor_blink = False  # a picture must not depend on the moment it is taken
        await w.settle(pilot)

    return run


def test_with_data(
    snap_compare: Callable[..., bool], tmp_path: Path, key: str, size: tuple[int, int]
) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    assert snap_compare(world.app, terminal_size=size, run_before=shows(world, key))


def test_empty(snap_compare: Callable[..., bool], tmp_path: Path, key: str, size: tuple[int, int]) -> None:
    world = w.build(tmp_path, shown=w.empty())
    assert snap_compare(world.app, terminal_size=size, run_before=shows(world, key))


def test_loading(
    snap_compare: Callable[..., bool], tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults = Refresher.__init__.__kwdefaults__ or {}
    monkeypatch.setitem(defaults, "deadline", 600.0)  # a slow machine still loads
    world = w.build(tmp_path, joined=False)
    assert snap_compare(world.app, terminal_size=(80, 24), run_before=shows(world, key))


@pytest.mark.parametrize("name", STREAMING)
def test_stale_quotes(
    snap_compare: Callable[..., bool], tmp_path: Path, name: str, size: tuple[int, int]
) -> None:
    key = SCREENS[name]
    world = w.build(tmp_path, shown=w.snapshot(), quotes_at=w.NOW - timedelta(seconds=75))
    assert snap_compare(world.app, terminal_size=size, run_before=shows(world, key))


def test_postgres_away(snap_compare: Callable[..., bool], tmp_path: Path, key: str) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    world.books.away = "Postgres at 127.0.0.1:5432 does not answer."
    assert snap_compare(world.app, terminal_size=(80, 24), run_before=shows(world, key))


def test_daemon_away(snap_compare: Callable[..., bool], tmp_path: Path, key: str) -> None:
    late = tuple(replace(p, age=41.0) for p in w.processes()[:1]) + w.processes()[1:]
    world = w.build(tmp_path, shown=w.snapshot(processes=late))
    assert snap_compare(world.app, terminal_size=(80, 24), run_before=shows(world, key))


def test_live_looks_different(
    snap_compare: Callable[..., bool], tmp_path: Path, size: tuple[int, int]
) -> None:
    world = w.build(tmp_path, shown=w.snapshot(), environment="live")
    assert snap_compare(world.app, terminal_size=size, run_before=shows(world, "1"))


def test_approval_asks_in_money(
    snap_compare: Callable[..., bool], tmp_path: Path, size: tuple[int, int]
) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    assert snap_compare(world.app, terminal_size=size, run_before=shows(world, "2", "a"))


def test_live_approval_asks_the_passphrase(snap_compare: Callable[..., bool], tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot(), environment="live")
    assert snap_compare(world.app, terminal_size=(80, 24), run_before=shows(world, "2", "a"))


def test_kill_switch(snap_compare: Callable[..., bool], tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    assert snap_compare(world.app, terminal_size=(80, 24), run_before=shows(world, "K"))


def test_halt_names_what_keeps_working(snap_compare: Callable[..., bool], tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    assert snap_compare(world.app, terminal_size=(80, 24), run_before=shows(world, "K", "h"))


def test_halted(snap_compare: Callable[..., bool], tmp_path: Path) -> None:
    halted = w.account(trading_state="halted", state_reason="daily loss limit of $3,000 reached")
    world = w.build(tmp_path, shown=w.snapshot(accounts=(halted,)))
    assert snap_compare(world.app, terminal_size=(80, 24), run_before=shows(world, "1"))


def test_help(snap_compare: Callable[..., bool], tmp_path: Path, size: tuple[int, int]) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    assert snap_compare(world.app, terminal_size=size, run_before=shows(world, "3", "question_mark"))


def test_order_timeline(snap_compare: Callable[..., bool], tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    assert snap_compare(world.app, terminal_size=(80, 24), run_before=shows(world, "4", "enter"))


def test_position_detail(snap_compare: Callable[..., bool], tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    assert snap_compare(world.app, terminal_size=(80, 24), run_before=shows(world, "3", "enter"))


def test_shares_of_an_assignment(snap_compare: Callable[..., bool], tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot(positions=(w.shares(),)))
    assert snap_compare(world.app, terminal_size=(160, 48), run_before=shows(world, "3"))


def test_locked(snap_compare: Callable[..., bool], tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    assert snap_compare(world.app, terminal_size=(80, 24), run_before=shows(world, "ctrl+l"))


def test_outside_texts_cannot_fake_a_cell(snap_compare: Callable[..., bool], tmp_path: Path) -> None:
    evil = "[bold red]x[/]\x1b[2J\nFILLED [/nope"
    nasty = w.snapshot(
        accounts=(w.account(number="[b]5SX", nickname=evil, state_reason=evil, trading_state="halted"),),
        suggestions=(w.suggestion(reasons=(ReasonView(evil, w.D(1)),)),),
        orders=(
            w.order(
                "evil",
                "entry",
                "rejected",
                "1.00",
                reject_reason=evil,
                underlying="[red]Q",
                broker_order_id=evil,
            ),
        ),
    )
    world = w.build(tmp_path, shown=nasty)
    assert snap_compare(world.app, terminal_size=(160, 48), run_before=shows(world, "4"))


def test_alarms_on_home(snap_compare: Callable[..., bool], tmp_path: Path, size: tuple[int, int]) -> None:
    world = w.build(tmp_path, shown=w.snapshot(alarms=w.alarms()))
    assert snap_compare(world.app, terminal_size=size, run_before=shows(world, "1"))


def test_an_alarm_to_acknowledge(snap_compare: Callable[..., bool], tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot(alarms=w.alarms()))
    assert snap_compare(world.app, terminal_size=(80, 24), run_before=shows(world, "1", "a"))


def test_reconcile(snap_compare: Callable[..., bool], tmp_path: Path, size: tuple[int, int]) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    world.decider.message = "Our books and the broker's differ in 2 places."
    assert snap_compare(world.app, terminal_size=size, run_before=shows(world, "1", "R", "space", "j"))
