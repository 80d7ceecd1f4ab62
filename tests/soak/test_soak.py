"""Three sessions over the night the clocks change, slots four hours apart; ``make soak`` plays whole months."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from tests.soak.month import Plan, play

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.timeout(600)
async def test_the_daemon_keeps_books_and_schedule_by_itself(quick_folder: Path) -> None:
    told: list[dict[str, Any]] = []

    report = await play(
        quick_folder, Plan(seed=1, first=date(2026, 10, 30), sessions=3, pace=240), told.append
    )

    assert report.violations == []
    assert [line["day"] for line in told] == ["2026-10-30", "2026-11-02", "2026-11-03"]
    assert all(line["fills"] for line in told)
