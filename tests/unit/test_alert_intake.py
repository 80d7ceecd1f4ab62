"""Gaps of the alert stream: each closes the gate, and each is owed a reconcile after it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, cast

import pytest

from daemon.streaming.alerts import AlertIntake
from senex.domain.errors import Unavailable
from senex.testing import market
from senex.testing.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from senex.store.streaming import StreamStore

Meanwhile = Callable[[], Awaitable[None]]


class Store:
    """What the intake asks of Postgres, in order; something may happen while it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.during: dict[str, Meanwhile] = {}
        self.away = False
        self.refused = asyncio.Event()

    async def unready(self, *_: object) -> None:
        await self._ask("unready")

    async def reconcile(self, numbers: Sequence[str]) -> int:
        await self._ask("reconcile")
        return len(numbers)

    async def alert(self, *_: object, **__: object) -> None:
        self.refused.set()
        raise Unavailable("E_POSTGRES_AWAY", "away for this one")

    async def _ask(self, what: str) -> None:
        if self.away:
            raise Unavailable("E_POSTGRES_AWAY", "away")
        self.asked.append(what)
        happens = self.during.pop(what, None)
        if happens is not None:
            await happens()


def intake(store: Store) -> AlertIntake:
    return AlertIntake(cast("StreamStore", store), ManualClock(market.NOW))


@pytest.mark.parametrize("during", ["unready", "reconcile"])
async def test_a_gap_while_another_is_stored_is_owed_its_own_reconcile(during: str) -> None:
    store = Store()
    one = intake(store)

    lost: list[asyncio.Task[None]] = []

    async def missed() -> None:
        lost.append(asyncio.create_task(one.take("{}", "Order", "5SX00001")))
        await store.refused.wait()

    store.during[during] = missed
    await one.subscribed(("5SX00001",))
    await asyncio.gather(*lost)
    assert store.asked[-2:] == ["unready", "reconcile"]
    assert store.asked.count("unready") == 2
    await one.settle()
    assert store.asked.count("unready") == 2


async def test_what_postgres_could_not_take_is_asked_for_again() -> None:
    store = Store()
    one = intake(store)
    store.away = True
    await one.subscribed(("5SX00001",))
    assert store.asked == []
    store.away = False
    await one.settle()
    assert store.asked == ["unready", "reconcile"]
