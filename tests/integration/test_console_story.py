"""The story through the console itself: real servers, simulator, daemon; keys in, screens out."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psutil
import psycopg
from textual.widgets import Input

from daemon.demo.stage import Plot, Stage
from senex.config import login_name
from senex.machine import local_console_file
from tests.waiting import PATIENCE
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
    plot = Plot(instance="console", root=open_folder / "senex", fresh=True)
    async with Stage(plot) as stage:
        found = await asyncio.to_thread(other_terminal, open_folder)
        assert found["environment"] == "simulated"
        assert [account["number"] for account in found["accounts"]] in ([], [stage.account])
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
    assert not local_console_file(open_folder / "senex" / "console").exists()


def other_terminal(data_home: Path) -> dict[str, Any]:
    """What a command says in another terminal of the same user, who has set nothing."""
    basics = {name: value for name, value in os.environ.items() if not name.startswith("SENEX_")}  # noqa: TID251
    basics |= {"XDG_DATA_HOME": str(data_home), "SENEX_INSTANCE": "console"}
    command = [sys.executable, "-m", "senex", "status", "--json"]
    done = subprocess.run(command, env=basics, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode in (0, 1), done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def heading(app: SenexApp) -> str:
    return str(app.screen.query_one("#heading").render())


def working_targets(app: SenexApp) -> int:
    snapshot = app.state.snapshot
    return sum(1 for o in snapshot.orders if o.kind == "target" and o.status == "working") if snapshot else 0


async def redis_goes_and_comes(app: SenexApp, pilot: Pilot[None], stage: Stage) -> None:
    """The bundled server is killed; its starter brings it back, and the console finds it again."""
    port = stage.endpoints.redis.port
    (server,) = {
        found.pid
        for found in psutil.net_connections("tcp")
        if found.status == "LISTEN" and found.laddr and found.laddr.port == port
    }
    os.kill(server or 0, signal.SIGKILL)
    await until(pilot, lambda: "Redis" in banner(app), "the outage was not said")
    await until(pilot, lambda: "Redis" not in banner(app), "the console did not heal")
    before = app.state.market.last_inbound
    await until(pilot, lambda: app.state.market.last_inbound != before, "quotes did not come back")
