"""Tier 1 of the proof, a few seeds of each random fault; ``make faults`` holds a thousand of each."""

from __future__ import annotations

import asyncio
import logging
import warnings
from typing import TYPE_CHECKING

import pytest
import structlog

from tests.faults.tier1.faults import FAULTS
from tests.faults.tier1.pace import hurried
from tests.faults.tier1.run import hold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daemon.embedded import Endpoints


@pytest.fixture
def _quiet() -> Iterator[None]:
    """What dies in the middle of something says so, and leaves it open."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logging.disable(logging.NOTSET)
    structlog.configure(**before)


@pytest.mark.usefixtures("_quiet")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.timeout(1800)  # two dozen stories on a machine that may do much else
def test_no_fault_breaks_an_invariant(embedded: Endpoints, template_database: str) -> None:
    trials = [(fault, 0) for fault in FAULTS] + [("killed", 1), ("everything", 1), ("replaced", 52)]

    report = hurried(hold(embedded, template_database, trials))

    assert report.violations == [], "\n".join(report.violations)
    assert report.trials.total() >= 20
    assert report.submissions > len(trials)  # a trial in which nothing is sent proves nothing


def test_the_loop_leaps_to_what_comes_next_when_nothing_else_is_on_its_way() -> None:
    async def two() -> list[str]:
        told: list[str] = []

        async def later(hours: int) -> None:
            await asyncio.sleep(hours * 3600)
            told.append(f"{hours} h")

        async with asyncio.timeout(3.5 * 3600):
            await asyncio.gather(later(3), later(2))
        return told

    assert hurried(two()) == ["2 h", "3 h"]
