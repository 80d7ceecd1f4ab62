"""Outages: said at once, survived, healed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.tui import console_world as w
from tui.widgets.banner import Banner, problem

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def banner(world: w.World) -> str:
    return world.app.screen.query_one(Banner).render().plain


async def test_postgres_goes_and_comes(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        world.books.away = "Postgres does not answer."
        world.hint()
        await w.until(pilot, lambda: "Postgres does not answer" in banner(world))
        await pilot.press("3")
        await pilot.pause()
        assert "db ✗" in banner(world)
        assert world.app.state.snapshot is not None, "what was read stays"
        world.books.away = None
        world.hint()
        await w.until(pilot, lambda: "db ✓" in banner(world))
        assert "Postgres" not in banner(world)


async def test_redis_goes_and_comes(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        world.bus.lose()
        await w.until(pilot, lambda: "Redis does not answer" in banner(world))
        world.bus.join()
        await w.until(pilot, lambda: "Redis" not in banner(world))
        assert "quotes 0s" in banner(world)


async def test_a_silent_daemon_is_said(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        assert "daemon ✓" in banner(world)
        world.books.shown = w.snapshot(processes=tuple(replace(p, age=2.1) for p in w.processes()))
        world.hint()
        await w.until(pilot, lambda: "No heartbeat" in banner(world))


async def test_an_old_reading_does_not_accuse_the_daemon(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        world.machine.at += 60
        assert problem(world.app.state).startswith("1 order has an unknown outcome")


async def test_one_late_process_among_others_is_given_more_time(tmp_path: Path) -> None:
    late = (replace(w.processes()[0], age=4.0), *w.processes()[1:])
    world = w.build(tmp_path, shown=w.snapshot(processes=late))
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        assert "daemon ✓" in banner(world)
        world.books.shown = w.snapshot(processes=(replace(late[0], age=7.0), *late[1:]))
        world.hint()
        await w.until(
            pilot, lambda: "No heartbeat for 7 s from worker.trading: decisions may wait" in banner(world)
        )


async def test_no_process_at_all_says_how_to_start_one(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot(processes=()))
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        assert "senex daemon" in banner(world)


async def test_the_banner_stands_over_dialogs_and_the_palette(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        for keys in (("K",), ("question_mark",), ("colon",), ("s",), ("ctrl+l",)):
            await pilot.press(*keys)
            await w.until(pilot, lambda: len(world.app.screen_stack) > 1)
            region = world.app.screen.query_one(Banner).region
            assert (region.x, region.y, region.width) == (0, 0, 80)
            assert "SIMULATED" in banner(world)
            await pilot.press("escape")
            await w.until(pilot, lambda: len(world.app.screen_stack) == 1)


async def test_quotes_move_the_screen_and_hints_the_books(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("3")
        table = world.app.screen.query_one("LineTable")
        moved = w.quotes()[2]._replace(bid=w.D("5.50"), ask=w.D("5.54"), sequence=2)
        world.bus.queue.put_nowait(w.frame(number=2, rows=(moved,)))
        await w.until(pilot, lambda: any("5.52" in cell.text for row in table.rows for cell in row.cells))  # type: ignore[attr-defined]


async def test_the_console_leases_what_it_shows(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        wanted = {
            "QQQ",
            "SPY",
            *(leg.streamer for leg in w.trident_legs()),
            *(leg.streamer for leg in w.trident_legs("SPY", 668)),
        }
        await w.until(pilot, lambda: world.bus.leased == wanted)


async def test_a_silent_clock_forbids_approvals(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        world.clock.fresh = False
        await pilot.press("2", "a")
        await w.until(pilot, lambda: world.app._notifications)
        assert "clock is silent" in banner(world)
        assert world.decider.made == []


async def test_the_theme_is_the_operators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTUAL_THEME", "nord")
    monkeypatch.setattr("textual.constants.DEFAULT_THEME", "nord")
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        assert world.app.theme != "senex"


async def test_without_colours_everything_is_still_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    world = w.build(tmp_path, shown=w.snapshot(), environment="live")
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("3")
        await pilot.pause()
        assert "▲ LIVE ▲" in banner(world)
        svg = world.app.export_screenshot()
        assert world.app.no_color
        assert "+$2.50" in svg
        assert "−$1.50" in svg


async def test_the_row_of_a_process_begun_anew_is_not_missed(tmp_path: Path) -> None:
    old = replace(w.processes()[0], instance="before", age=500.0)
    world = w.build(tmp_path, shown=w.snapshot(processes=(old, *w.processes())))
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        assert "daemon ✓" in banner(world)
        assert len(world.app.state.processes) == len(w.processes())
