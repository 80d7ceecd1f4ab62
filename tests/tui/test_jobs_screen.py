"""Jobs and the inbox: what their keys decide, confirmed where they should be."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.tui import console_world as w
from tests.tui.test_decisions import answered, toasts
from tui.screens.dialogs import Confirm, Detail
from tui.widgets.line_table import LineTable

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot


async def go(world: w.World, pilot: Pilot[None], key: str, row: str) -> None:
    """To a screen, with the cursor on a row."""
    await world.ready(pilot)
    await pilot.press(key)
    await w.settle(pilot)
    table = world.app.screen.query_one(LineTable)
    await pilot.press("home")
    await w.settle(pilot)
    while table.cursor_key != row:
        before = table.cursor_key
        await pilot.press("down")
        await w.settle(pilot)
        assert table.cursor_key != before, f"no row {row}"


@pytest.mark.parametrize(
    ("row", "key", "made"),
    [
        ("sync_positions", "r", ("run_job", w.ACCOUNT, "sync_positions")),
        ("sync_positions", "p", ("pause_job", w.ACCOUNT, "sync_positions", "paused by ann")),
        (
            "cleanup_old_suggestions",
            "p",
            ("resume_job", w.ACCOUNT, "cleanup_old_suggestions", "resumed by ann"),
        ),
        ("sync_positions", "t", ("retry_job", w.ACCOUNT, 4711)),
        ("work-4711", "t", ("retry_job", w.ACCOUNT, 4711)),
        ("work-4711", "r", ("run_job", w.ACCOUNT, "sync_positions")),
        ("work-4711", "p", ("pause_job", w.ACCOUNT, "sync_positions", "paused by ann")),
    ],
)
async def test_a_key_asks_and_then_decides(
    tmp_path: Path, row: str, key: str, made: tuple[object, ...]
) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(120, 40)) as pilot:
        await go(world, pilot, "9", row)
        await pilot.press(key)
        await w.until(pilot, lambda: isinstance(world.app.screen, Confirm))
        assert world.decider.made == []
        await pilot.press("n")
        await w.until(pilot, lambda: not isinstance(world.app.screen, Confirm))
        assert world.decider.made == []
        await pilot.press(key)
        await w.until(pilot, lambda: isinstance(world.app.screen, Confirm))
        await pilot.press("y")
        await answered(pilot, world)
        assert world.decider.made == [made]


async def test_what_does_not_fail_is_not_tried_again(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await go(world, pilot, "9", "monitor_open_orders")
        await pilot.press("t")
        await w.until(pilot, lambda: toasts(world))
        assert toasts(world) == ["Nothing of monitor open orders fails."]
        assert world.decider.made == []


async def test_failing_work_of_no_schedule_is_neither_run_nor_paused(tmp_path: Path) -> None:
    shown = w.snapshot()
    (failing,) = shown.failing
    shown = replace(shown, failing=(replace(failing, job="submit_order"),))
    world = w.build(tmp_path, shown=shown)
    async with world.app.run_test(size=(80, 24)) as pilot:
        await go(world, pilot, "9", "work-4711")
        await pilot.press("r")
        await w.until(pilot, lambda: toasts(world))
        assert toasts(world) == ["Submit order is not in the schedule: `t` tries it again."]


async def test_a_job_is_found_as_commands_write_it(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await go(world, pilot, "9", "work-4711")
        await pilot.press("slash", *"cleanup_old", "enter")
        await w.settle(pilot)
        table = world.app.screen.query_one(LineTable)
        assert [row.key for row in table.rows if not row.title] == ["cleanup_old_suggestions"]


async def test_each_queue_has_its_line_when_its_workers_are_gone(tmp_path: Path) -> None:
    shown = w.snapshot()
    gone = tuple(replace(one, age=12_345.0) for one in shown.processes)
    world = w.build(tmp_path, shown=replace(shown, processes=gone))
    async with world.app.run_test(size=(80, 24)) as pilot:
        await go(world, pilot, "9", "work-4711")
        picture = world.app.export_screenshot()
        assert [queue.name for queue in shown.queues if f">{queue.name}" not in picture] == []


async def test_failing_work_that_is_done_meanwhile_says_so(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await go(world, pilot, "9", "work-4711")
        await pilot.press("enter")
        await w.until(pilot, lambda: isinstance(world.app.screen, Detail))
        text = world.app.screen.query_one("#text")
        await w.until(pilot, lambda: "E_BROKER_AWAY" in str(text.render()))
        assert world.books.shown is not None
        world.books.shown = replace(world.books.shown, failing=())
        world.hint()
        await w.until(pilot, lambda: "done by now" in str(text.render()))


async def test_a_notice_is_acknowledged_once(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    unknown, _, opened = w.notices()
    async with world.app.run_test(size=(80, 24)) as pilot:
        await go(world, pilot, "0", str(unknown.id))
        await pilot.press("a")
        await answered(pilot, world)
        assert world.decider.made == [("acknowledge", unknown.id, w.ACCOUNT)]
        await go(world, pilot, "0", str(opened.id))
        await pilot.press("a")
        await w.settle(pilot)
        assert len(world.decider.made) == 1


async def test_the_inbox_filters(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("0", "slash", *"reject", "enter")
        await w.settle(pilot)
        rows = [row.key for row in world.app.screen.query_one(LineTable).rows if not row.title]
        assert rows == [str(w.notices()[1].id)]
