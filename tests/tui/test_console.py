"""The lock, keys, copies and exports."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from senex.domain.errors import UsageProblem
from tests.tui import console_world as w
from tui.actions import BY_SCREEN, GLOBAL, check_keys, every
from tui.format import Cell
from tui.screens.dialogs import Help, Lock, Palette
from tui.screens.tables import as_csv
from tui.widgets.line_table import Column, LineTable, Row

if TYPE_CHECKING:
    from pathlib import Path


async def test_an_idle_console_locks_and_any_key_opens_it(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot(), idle_minutes=5)
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        world.machine.at += 299
        await world.app._look_idle()
        assert not isinstance(world.app.screen, Lock)
        world.machine.at += 1
        await world.app._look_idle()
        await w.until(pilot, lambda: isinstance(world.app.screen, Lock))
        await pilot.press("2")
        await w.until(pilot, lambda: not isinstance(world.app.screen, Lock))
        assert world.app.current_mode == "home", "the key that unlocks does nothing else"


async def test_a_key_counts_as_life(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot(), idle_minutes=5)
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        world.machine.at += 299
        await pilot.press("down")
        world.machine.at += 299
        await world.app._look_idle()
        await pilot.pause()
        assert not isinstance(world.app.screen, Lock)


async def test_with_a_passphrase_only_that_unlocks(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot(), decider=w.FakeDecider(passphrase="sesame"))
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("ctrl+l")
        await w.until(pilot, lambda: isinstance(world.app.screen, Lock))
        await pilot.press(*"wrong", "enter", "escape", "K", "backspace")
        await pilot.pause()
        assert isinstance(world.app.screen, Lock)
        await pilot.press(*"sesame", "enter")
        await w.until(pilot, lambda: not isinstance(world.app.screen, Lock))


async def test_keys_are_configured_by_action_id(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot(), keys={"go.orders": "f8"})
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("4")
        await pilot.pause()
        assert world.app.current_mode == "home"
        await pilot.press("f8")
        await pilot.pause()
        assert world.app.current_mode == "orders"


@pytest.mark.parametrize("keys", [{"no.such": "x"}, {"approvals.approve": "r"}, {"kill": "2"}])
def test_keys_that_cannot_be_are_refused(keys: dict[str, str]) -> None:
    with pytest.raises(UsageProblem) as caught:
        check_keys(keys)
    assert caught.value.code == "E_KEYS"


def test_the_registry_is_sound() -> None:
    assert check_keys({}) == {}
    ids = [action.id for action in every()]
    assert len(ids) == len(set(ids))
    assert all(action.help for group in (GLOBAL, *BY_SCREEN.values()) for action in group)


@pytest.mark.parametrize("key", ["1", "2", "3", "4", "9", "0"])
async def test_help_names_every_key_of_the_screen(tmp_path: Path, key: str) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(100, 60)) as pilot:
        await world.ready(pilot)
        await pilot.press(key, "question_mark")
        await w.until(pilot, lambda: isinstance(world.app.screen, Help))
        text = world.app.screen.query_one("#text").render().plain  # type: ignore[union-attr]
        for action in (*BY_SCREEN[world.app.current_mode], *GLOBAL):
            assert action.help in text
            assert action.id in text


async def test_copy_goes_through_the_terminal(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("4", "y")
        await pilot.pause()
        assert world.app.clipboard.split("\t")[1:3] == ["SPY", "entry"]


async def test_export_writes_csv(tmp_path: Path) -> None:
    world = w.build(tmp_path / "exports", shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("3", "x")
        await pilot.pause()
    (file,) = (tmp_path / "exports").iterdir()
    rows = file.read_text().splitlines()
    assert file.name == "positions-20251105-150312.csv"
    assert rows[0].startswith("name,qty,mark")
    assert rows[1].startswith("QQQ Senex Trident,1,-4.095")
    assert len(rows) == 1 + 1 + 3 + 6


def test_csv_defuses_formulas() -> None:

    columns = (Column("a", "A", 5), Column("b", "B", 5), Column("c", "C", 5))
    row = Row("1", (Cell("=cmd()"), Cell("−$4.00"), Cell("@x")), "1")
    assert as_csv(columns, [row]).splitlines()[1] == "'=cmd(),-4.00,'@x"


def test_a_spreadsheet_can_add_up_what_is_exported() -> None:
    texts = ("+$1,234.50", "9.42 cr", "2.965 db", "−2", "+1 %", "—", "put 1 500/493", "10:02:15", "−$0.50")
    columns = tuple(Column(str(number), "", 8) for number in range(len(texts)))
    shown = as_csv(columns, [Row("a", tuple(Cell(text) for text in texts), "a")]).splitlines()[1]
    assert shown == "1234.50,9.42,-2.965,-2,1,,put 1 500/493,10:02:15,-0.50"


async def test_filter_and_sort_keep_the_cursor_on_its_row(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("4", "down", "down")
        table = world.app.screen.query_one(LineTable)
        kept = table.cursor_key
        await pilot.press("o", "o", "O")
        assert table.cursor_key == kept
        await pilot.press("slash", *"put 2", "enter")
        await pilot.pause()
        assert [row.key for row in table.rows if not row.title] == [kept]
        await pilot.press("slash", "escape")
        await pilot.pause()
        assert table.cursor_key == kept
        assert len(table.rows) == 8


async def test_a_target_that_is_gone_has_no_distance(tmp_path: Path) -> None:
    held = w.position()
    first, *others = held.spreads
    assert first.target is not None
    gone = replace(first, target=replace(first.target, status="cancelled"))
    world = w.build(tmp_path, shown=w.snapshot(positions=(replace(held, spreads=(gone, *others)),)))
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("3")
        await pilot.pause()
        rows = world.app.screen.query_one(LineTable).rows
        shown = {row.cells[0].text: {cell.text for cell in row.cells} for row in rows}
        assert any("2 of 3" in cells for cells in shown.values())
        lost = next(cells for name, cells in shown.items() if "put 1" in name)
        assert "none" in lost
        assert not any(cell.startswith("1.") and " " not in cell for cell in lost)


async def test_a_screen_of_panels_scrolls_by_keys(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 14)) as pilot:
        await world.ready(pilot)
        home = world.app.screen.query_one("#home")
        await pilot.press("end")
        await w.until(pilot, lambda: home.scroll_offset.y == home.max_scroll_y > 0)
        await pilot.press("home")
        await w.until(pilot, lambda: home.scroll_offset.y == 0)


async def test_a_search_that_outlives_its_palette_does_not_end_the_console(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("colon")
        palette = world.app.screen
        assert isinstance(palette, Palette)
        await pilot.press("escape")
        await w.until(pilot, lambda: world.app.screen is not palette)
        worker = palette._gather_commands("halt")
        await w.until(pilot, lambda: worker.is_finished)
        await pilot.press("3")
        await w.until(pilot, lambda: world.app.current_mode == "positions")


async def test_fold_hides_the_legs(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("3", "space")
        await pilot.pause()
        table = world.app.screen.query_one(LineTable)
        assert [row.cells[0].text for row in table.rows] == ["▸ QQQ Senex Trident"]


async def test_the_palette_knows_every_action(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, 24)) as pilot:
        await world.ready(pilot)
        await pilot.press("4")
        await pilot.pause()
        names = {command.title for command in world.app.get_system_commands(world.app.screen)}
        assert {
            "Cancel",
            "Timeline",
            "Export",
            "Kill switch: halt all, reduce only, flatten, active",
            "Approvals",
            "Sync",
            "Theme",
        } <= names
        await pilot.press("colon")
        await pilot.pause()
        await pilot.press(*"Positions", "enter")
        await w.until(pilot, lambda: world.app.current_mode == "positions")
