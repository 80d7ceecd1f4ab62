"""`senex upgrade` while operators approve: each decision has its one order, no job is lost, both books agree."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from senex.store.schema import shipped
from tests.faults.faults_support import PARTS
from tests.faults.load import OPERATORS, under_load
from tests.versions import version_to_come

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.faults_support import Ended, World

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.long, pytest.mark.timeout(900)]


async def upgrade(world: World, version: Path, backups: Path) -> Ended:
    """By its administrator; what starts the processes anew ends them, and their supervisors do the rest."""
    pids = " ".join(str(world.process(part).pid) for part in PARTS)
    return await world.administer(
        *("upgrade", "--yes", "--json", "--restart", f"kill {pids}"),
        version=version,
        SENEX_MIGRATOR_DATABASE_URL=world.secret("run_migrator_database_url"),
        SENEX_BACKUP_FOLDER=str(backups),
    )


def states(world: World) -> list[str]:
    return [state for (state,) in world.sql("SELECT state FROM trading_state")]


def revision(world: World) -> str:
    [(found,)] = world.sql("SELECT version_num FROM alembic_version")
    return str(found)


async def test_upgrading_loses_no_job_and_no_order(own_world: World, tmp_path: Path) -> None:
    world, newest = own_world, shipped()[0]
    backups = world.stage.services.root.parents[1] / "backups"
    backups.mkdir()

    async with under_load(world) as load:
        broken = version_to_come(tmp_path / "broken", "ALTER TABLE nowhere ADD COLUMN it int")
        failed = await upgrade(world, broken, backups)
        assert failed.code == 4
        assert failed.err.splitlines()[-1].endswith("[E_UPGRADE_MIGRATE]"), failed.err
        assert revision(world) == newest
        assert states(world) == ["reduce_only"] * OPERATORS

        # as its sentence says
        for account in load.accounts:
            words = ("state", "set", "active", "--account", account.number, "--yes", "--reason", "go on")
            let_out = await world.administer(*words)
            assert let_out.code == 0, let_out.err
        await load.more()

        good = version_to_come(tmp_path / "good", "SELECT 1")
        done = await upgrade(world, good, backups)
        assert done.code == 0, done.err
        assert json.loads(done.out)["revision"] == revision(world) == f"{int(newest) + 1:04d}"
        assert len(json.loads(done.out)["resumed"]) == OPERATORS
        assert states(world) == ["active"] * OPERATORS
        await load.more()
    assert len(list(backups.glob("*/base/*/SHA256SUMS"))) == 2

    figures = await load.judge()
    assert not figures.wrong
    assert figures.refused, "approvals came while entries were held back"
    assert all("REDUCE_ONLY" in why for why in figures.rejected), figures.rejected
    assert figures.orders >= 3 * OPERATORS
