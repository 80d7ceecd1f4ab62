"""Market time by push from a real simulator: moved, paused, gone and back."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from senex.bus.clock import FollowedClock, WallClock, open_clock
from tests.simulated import simulated
from tests.waiting import PATIENCE, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.simulated import Simulated


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulated]:
    with simulated(tmp_path / "simulator") as one:
        yield one


@pytest.fixture
def clock(simulator: Simulated) -> Iterator[FollowedClock]:
    opened = open_clock(simulator.ready["clock"], timeout=PATIENCE)
    assert isinstance(opened, FollowedClock)
    yield opened
    opened.close()


def test_a_paused_market_stands_still_and_a_step_moves_it(simulator: Simulated, clock: FollowedClock) -> None:
    before = clock.now()
    assert before.utcoffset() == timedelta(0)
    assert clock.now() == before
    assert clock.fresh
    told = simulator.clock(step=4)
    eventually(lambda: clock.tick == told["sequence"])
    assert clock.now().isoformat(timespec="microseconds") == told["instant"].replace("Z", "+00:00")
    assert clock.now() > before
    assert clock.timeline == told["timeline"]


def test_between_pushes_time_goes_on_at_its_speed(simulator: Simulated, clock: FollowedClock) -> None:
    simulator.clock(speed=60)
    eventually(lambda: clock.speed == 60)
    seen = clock.now()
    eventually(lambda: clock.now() - seen > timedelta(minutes=1))
    frozen = simulator.clock(speed=0)
    eventually(lambda: clock.speed == 0)
    assert clock.now().isoformat(timespec="microseconds") == frozen["instant"].replace("Z", "+00:00")


def test_a_silent_clock_goes_on_but_is_not_fresh_and_heals(
    simulator: Simulated, clock: FollowedClock
) -> None:
    simulator.clock(speed=1)
    eventually(lambda: clock.speed == 1)
    simulator.freeze()
    eventually(lambda: not clock.fresh)
    seen = clock.now()
    eventually(lambda: clock.now() > seen)
    simulator.thaw()
    eventually(lambda: clock.fresh)


def test_a_simulation_begun_anew_is_another_timeline(
    simulator: Simulated, clock: FollowedClock, tmp_path: Path
) -> None:
    before = clock.timeline
    simulator.kill()
    simulator.start()
    eventually(lambda: clock.fresh and clock.timeline == before)
    with simulated(tmp_path / "another") as other:
        another = open_clock(other.ready["clock"], timeout=PATIENCE)
        assert another.timeline != before
        another.close()


async def test_who_attends_is_waited_for_also_by_a_market_that_was_away(
    simulator: Simulated, clock: FollowedClock
) -> None:
    seen = []

    async def settle() -> bool:
        seen.append(clock.tick)
        return False

    attending = asyncio.create_task(clock.attend("me", 1, settle))
    try:
        await joined(simulator)
        await asyncio.to_thread(simulator.clock, advance=1)
        assert sorted(set(seen)) == [0, 1, 2, 3, 4]
        simulator.kill()
        await asyncio.to_thread(simulator.start)
        await joined(simulator)
        await asyncio.to_thread(simulator.clock, advance=0.25)
        assert seen[-1] == 5
    finally:
        attending.cancel()
        await asyncio.gather(attending, return_exceptions=True)
    # who has left is not waited for
    await asyncio.to_thread(simulator.clock, advance=0.25)
    assert seen[-1] == 5


async def joined(simulator: Simulated) -> None:
    """Return once the clock takes part."""
    async with asyncio.timeout(PATIENCE):
        while not (await asyncio.to_thread(simulator.clock))["lockstep"]["joined"]:
            pass


def test_without_an_address_it_is_the_walls_time() -> None:
    clock = open_clock(None)
    assert isinstance(clock, WallClock)
    assert clock.timeline == "wall"
    assert clock.now() <= clock.now()
