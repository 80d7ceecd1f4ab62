"""Approvals that come when the market has gone on; last, because it does so for everybody."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.faults.faults_support import World

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_approval_that_comes_too_late_is_refused(world: World) -> None:
    account = await world.idle_account()
    first, second = await world.suggest(account), await world.suggest(account)
    await _wait_on_the_market(world, timedelta(minutes=11))
    late = await world.decided(await world.approve(first))
    await _wait_on_the_market(world, timedelta(hours=24))
    dead = await world.decided(await world.approve(second))

    assert (late.outcome, late.code) == ("refused", "E_PRICING_EXPIRED")
    assert (dead.outcome, dead.code) == ("refused", "E_SUGGESTION_EXPIRED")
    await world.expect_orders(account, 0)
    assert world.posts(account) == []


async def _wait_on_the_market(world: World, time: timedelta) -> None:
    """Have the market stand at a later moment and go on from there."""
    then = world.clock.now() + time
    await world.set_clock(speed=0)
    await world.set_clock(to=then.isoformat())
    await world.set_clock(speed=1)

    async def there() -> bool:
        return world.clock.now() >= then

    await world.until("the clock is there", there)
