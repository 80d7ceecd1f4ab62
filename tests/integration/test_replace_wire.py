"""Replacing an order at the simulator, through the real SDK and, where a test says so, through a proxy that lies."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from daemon.handlers import HANDLERS
from senex.domain.orders import (
    BrokerStatus,
    OrderStatus,
)
from senex.domain.positions import PositionStatus
from senex.services.resolve import HORIZON
from tests.faults.faulty_proxy import Verdict
from tests.integration.wire_floor import UNITS, Floor, open_floor
from tests.simulated import simulated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.simulated import Simulated


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulated]:
    with simulated(tmp_path_factory.mktemp("simulator"), "--accounts", "10") as one:
        yield one


@pytest.fixture(scope="module")
def taken() -> list[str]:
    """The accounts that tests have used."""
    return []


@pytest.fixture
async def floor(simulator: Simulated, database_url: str, taken: list[str]) -> AsyncIterator[Floor]:
    async with open_floor(simulator, database_url, taken) as floor:
        yield floor


async def test_the_new_order_takes_over_with_a_name_of_its_own(floor: Floor) -> None:
    old = await floor.target()
    new = await floor.intend(old)
    await floor.drain()
    await floor.settle()
    assert (await floor.order(old)).status is OrderStatus.REPLACED
    found = await floor.order(new)
    assert found.status is OrderStatus.WORKING
    [live] = await floor.live()
    async with floor.context.units() as tx:
        [attempt] = await tx.orders.attempts(new.id)
    assert (live.id, live.external_identifier) == (found.broker_order_id, attempt.external_identifier)
    assert (live.price, live.replaces) == (new.limit_price, old.broker_order_id)
    assert floor.proxy.count("PUT", f"/orders/{old.broker_order_id}") == 1
    await floor.agrees()


async def test_the_fill_wins_and_the_replacement_is_given_up(floor: Floor) -> None:
    old = await floor.target()
    floor.simulator.fault(endpoint="replace", mode="overtaken", order=int(old.broker_order_id or 0))
    new = await floor.intend(old)
    await floor.drain()
    await floor.settle()
    assert (await floor.order(old)).status is OrderStatus.FILLED
    assert (await floor.order(new)).status is OrderStatus.CANCELLED
    assert await floor.live() == []
    async with floor.context.units() as tx:
        assert (await tx.positions.get(old.position_id)).status is PositionStatus.CLOSED
    await floor.agrees()


async def test_what_a_partly_filled_entry_and_its_replacement_fill_is_one_position(floor: Floor) -> None:
    floor.simulator.fault(endpoint="fills", mode="partial", units=1)
    old = await floor.enter("2.50")
    assert old.status is OrderStatus.WORKING
    new = await floor.intend(old, "-2.45")
    await floor.drain()
    floor.step(1)
    await floor.offer("monitor_open_orders")
    partly = await floor.order(new)
    assert (await floor.order(old)).status is OrderStatus.REPLACED
    assert {line.filled for line in partly.lines} == {1}
    floor.simulator.heal()
    # the other unit is asked for at a price nobody pays, then at one that is paid
    last = await floor.intend(partly, "2.00")
    assert {line.leg.quantity for line in last.lines} == {1}
    await floor.drain()
    await floor.settle()
    assert (await floor.order(new)).status in (OrderStatus.REPLACED, OrderStatus.FILLED)
    final = await floor.order(last)
    if final.status is OrderStatus.WORKING:
        paid = await floor.intend(final, "-2.00")
        await floor.drain()
        await floor.settle()
        assert (await floor.order(paid)).status is OrderStatus.FILLED
    await floor.settle()
    async with floor.context.units() as tx:
        booked = await tx.positions.booked(floor.account)
        assert (await tx.positions.get(old.position_id)).status is PositionStatus.OPEN_FULL
    assert sorted(held for _, held in booked.values()) == [-UNITS, UNITS]
    await floor.agrees()


@pytest.mark.parametrize("verdict", [Verdict.SWALLOW, Verdict.DROP])
async def test_a_lost_answer_is_settled_by_looking(floor: Floor, verdict: Verdict) -> None:
    old = await floor.target()
    catch = floor.proxy.catch("PUT", f"/orders/{old.broker_order_id}")
    catch.give(verdict)
    new = await floor.intend(old)
    [work] = await floor.work()
    await HANDLERS[work.job](floor.context, work)
    assert (await floor.order(new)).status is OrderStatus.UNKNOWN
    await floor.drain()
    async with floor.engine.begin() as connection:
        statement = text("UPDATE attempt SET sending_machine = sending_machine - :by")
        await connection.execute(statement, {"by": HORIZON + timedelta(seconds=1)})
    await floor.settle()
    await floor.settle()
    statuses = (await floor.order(old)).status, (await floor.order(new)).status
    if verdict is Verdict.SWALLOW:
        assert statuses == (OrderStatus.REPLACED, OrderStatus.WORKING)
    else:
        assert statuses == (OrderStatus.WORKING, OrderStatus.CANCELLED)
    assert len(await floor.live()) == 1
    assert floor.proxy.count("PUT", f"/orders/{old.broker_order_id}") == 1
    await floor.agrees()


async def test_a_doubled_request_makes_one_order(floor: Floor) -> None:
    old = await floor.target()
    floor.proxy.catch("PUT", f"/orders/{old.broker_order_id}").give(Verdict.DOUBLE)
    new = await floor.intend(old)
    await floor.drain()
    await floor.settle()
    assert (await floor.order(old)).status is OrderStatus.REPLACED
    assert (await floor.order(new)).status is OrderStatus.WORKING
    [live] = await floor.live()
    assert live.status is BrokerStatus.LIVE
    await floor.agrees()
