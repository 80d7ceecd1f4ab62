"""A terminal below 80×24: what must be read before a yes is read, or rolled to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tui import console_world as w
from tui.screens.dialogs import Confirm

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot


async def asked(pilot: Pilot[None], world: w.World) -> None:
    """Until the dialog is drawn."""
    await w.until(pilot, lambda: isinstance(world.app.screen, Confirm) and world.app.screen.query("#keys"))
    await w.until(pilot, lambda: world.app.screen.query_one("#text").region)


@pytest.mark.parametrize("height", [18, 20, 23])
async def test_the_whole_approval_fits(tmp_path: Path, height: int) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(80, height)) as pilot:
        await world.ready(pilot)
        await pilot.press("2", "a")
        await asked(pilot, world)
        box = world.app.screen.query_one("#box").content_region
        text, keys = world.app.screen.query_one("#text").region, world.app.screen.query_one("#keys").region
        assert box.contains_region(text)
        assert box.contains_region(keys)
        assert not text.overlaps(keys)


async def test_what_does_not_fit_rolls_above_the_keys(tmp_path: Path) -> None:
    world = w.build(tmp_path, shown=w.snapshot())
    async with world.app.run_test(size=(60, 12)) as pilot:
        await world.ready(pilot)
        await pilot.press("2", "a")
        await asked(pilot, world)
        box = world.app.screen.query_one("#box")
        assert box.region.contains_region(world.app.screen.query_one("#keys").region)
        assert box.max_scroll_y > 0
        await pilot.press("down")
        await w.until(pilot, lambda: box.scroll_y > 0)
