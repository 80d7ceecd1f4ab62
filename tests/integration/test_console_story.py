"""The story through the console itself: real servers, simulator, daemon; keys in, screens out."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import psutil
import psycopg
from textual.widgets import Input

from daemon.demo.stage import Plot, Stage
from senex.config import login_name
from tui.app import SenexApp
from tui.connect import connect
from tui.screens.dialogs import Confirm
from tui.screens.positions import PositionsScreen
from tui.widgets.banner import Banner
from tui.widgets.line_table import LineTable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest
    from textual.app import App
    from textual.pilot import Pilot

PATIENCE = 45.0


async def until(pilot: Pilot[None], true: Callable[[], object], what: str) -> None:
    """Let everything run until something holds."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not true():
                await pilot.pause(0.05)
    except TimeoutError:
        said = [toast.message for toast in pilot.app._notifications]
        raise AssertionError(f"{what}: {banner(pilot.app)} {said}") from None


def banner(app: App[None]) -> str:
    return app.screen.query_one(Banner).render().plain


def cells(app: SenexApp) -> str:
    """What the positions table shows."""
    assert isinstance(app.screen, PositionsScreen)
    table = app.screen.query_one(LineTable)
    drawn = [table.render_line(y).text for y in range(table.size.height)]
    return "\n".join(drawn)


async def test_a_suggestion_becomes_a_protected_position(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plot = Plot(instance="console", root=open_folder, fresh=True)
    async with Stage(plot) as stage:
        for name, value in stage.console_environment().items():
            if name.startswith("SENEX_"):
                monkeypatch.setenv(name, value)
        app = SenexApp(connect=connect)
        async with app.run_test(size=(120, 40)) as pilot:
            state = app.state
            await until(pilot, lambda: state.account is not None and state.account.ready, "no account")
            await pilot.press("s")
            await until(pilot, lambda: isinstance(app.focused, Input), "no question for the symbol")
            await pilot.press("enter")
            await until(pilot, lambda: app.current_mode == "approvals" and state.pending, "no suggestion")
            shown = state.pending[0]
            await until(pilot, lambda: "✓ priced live" in heading(app), "no live price")
            await pilot.press("a")
            await until(pilot, lambda: isinstance(app.screen, Confirm), "no confirmation")
            await pilot.press("y")
            await until(pilot, lambda: working_targets(app) == 3, "no three targets")
            await pilot.press("3")
            await until(pilot, lambda: "P&L open" in cells(app) and "$" in cells(app), "no live P&L")
            assert "QQQ Senex Trident" in cells(app)
            with psycopg.connect(stage.urls.console) as books:
                made = books.execute(
                    "SELECT operator, role, terminal <> '', digest FROM decision WHERE kind = 'approve'"
                ).fetchall()
            assert made == [(login_name(), "trader", True, shown.digest)]

            await redis_goes_and_comes(app, pilot, stage)


def heading(app: SenexApp) -> str:
    return str(app.screen.query_one("#heading").render())


def working_targets(app: SenexApp) -> int:
    snapshot = app.state.snapshot
    return sum(1 for o in snapshot.orders if o.kind == "target" and o.status == "working") if snapshot else 0


async def redis_goes_and_comes(app: SenexApp, pilot: Pilot[None], stage: Stage) -> None:
    """The bundled server is killed; its starter brings it back, and the console finds it again."""
    port = stage.endpoints.redis.port
    (server,) = {
        c.pid for c in psutil.net_connections("tcp") if c.status == "LISTEN" and c.laddr.port == port
    }
    os.kill(server or 0, signal.SIGKILL)
    await until(pilot, lambda: "Redis" in banner(app), "the outage was not said")
    await until(pilot, lambda: "Redis" not in banner(app), "the console did not heal")
    before = app.state.market.last_inbound
    await until(pilot, lambda: app.state.market.last_inbound != before, "quotes did not come back")
