"""A machine is lost in mid-trade, and nothing the broker knows is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.recovery.drill import BARS, drill

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_bare_machine_takes_over_and_the_old_one_may_not_trade(tmp_path: Path) -> None:
    seen = await drill(tmp_path)

    assert seen.verified.ok, seen.verified
    assert seen.verified.sealed
    assert seen.old_state == ("halted", False)
    assert seen.lost == 1
    assert seen.rpo < BARS["rpo"]
    assert seen.rto < BARS["rto"]


@pytest.mark.long
async def test_twenty_trades_are_restored_within_the_bars(tmp_path: Path) -> None:
    seen = await drill(tmp_path, entries=20)

    assert seen.targets == 21
    assert seen.rpo < BARS["rpo"]
    assert seen.rto < BARS["rto"]
