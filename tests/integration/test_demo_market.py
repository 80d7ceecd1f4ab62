"""A kept demo market goes on with its next session once one has closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daemon.demo.market import clock_of, reopen
from tests.simulated import simulated

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2026-06-02T11:00", "2026-06-02T15:00:00"),  # open: left alone
        ("2026-06-02T15:50", "2026-06-03T14:00:00"),  # about to close
        ("2026-06-05T18:00", "2026-06-08T14:00:00"),  # Friday evening
        ("2026-07-02T17:00", "2026-07-06T14:00:00"),  # Independence Day is observed on the 3rd
    ],
)
def test_a_closed_market_goes_on_at_ten_of_the_next_session(
    tmp_path: Path, start: str, expected: str
) -> None:
    with simulated(tmp_path / "state", "--start", start) as market:
        url = f"{market.ready['rest']}/clock"
        reopen(url)
        assert str(clock_of(url)["instant"]).startswith(expected)
