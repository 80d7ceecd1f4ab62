"""What may go wrong around the one POST: never a second order, and what is not known is said."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.faults.faulty_proxy import Verdict
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from uuid import UUID

    from senex.ports.views import OrderView
    from tests.faults.faults_support import World

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_worker_killed_before_its_request_arrives_leaves_unknown_and_sends_nothing(
    world: World,
) -> None:
    account = await world.account()
    first, second = await world.suggest(account), await world.suggest(account)
    catch = world.proxy.catch("POST", f"/accounts/{account.number}/orders")
    answer = await world.decided(await world.approve(first))
    assert answer.order_id is not None
    async with asyncio.timeout(PATIENCE):
        await catch.caught.wait()
    assert (await world.order(answer.order_id)).attempt_status == "sending"
    world.kill("worker")
    catch.give(Verdict.DROP)

    order = await _in_status(world, answer.order_id, "unknown")

    assert (order.attempt_status, order.broker_order_id) == ("unknown", None)
    assert "died" in str(order.attempt_message)
    shown = next(one for one in await world.console.reads.accounts(world.clock.now()) if one.id == account.id)
    assert shown.unknown_orders == 1
    refused = await world.decided(await world.approve(second))
    assert (refused.outcome, refused.code) == ("refused", "E_UNKNOWN_ORDER")
    assert "QQQ" in refused.message
    await world.decided(await world.console.decider.sync(account.id))
    assert await world.expect_orders(account, 0) == []
    assert len(world.posts(account)) == 1
    assert (await world.order(answer.order_id)).status == "unknown"


async def test_an_answer_lost_on_its_way_back_is_adopted_and_never_sent_again(world: World) -> None:
    account = await world.account()
    suggestion = await world.suggest(account)
    catch = world.proxy.catch("POST", f"/accounts/{account.number}/orders")
    answer = await world.decided(await world.approve(suggestion))
    assert answer.order_id is not None
    async with asyncio.timeout(PATIENCE):
        await catch.caught.wait()
    streamer = world.process("streamer").pid
    os.killpg(streamer, signal.SIGSTOP)  # no alert may be faster than the lost answer
    try:
        catch.give(Verdict.SWALLOW)
        await world.until(
            "the books know", lambda: _happened(world, answer.order_id, "submission outcome unknown")
        )
    finally:
        os.killpg(streamer, signal.SIGCONT)

    position = await world.protected(account)

    entry = await world.order(answer.order_id)
    assert (entry.status, entry.attempt_status) == ("filled", "accepted")
    orders = await world.expect_orders(account, 4)
    assert entry.external_identifier in {order["external-identifier"] for order in orders}
    assert len(world.posts(account)) == 4
    held = {lot.symbol: lot.quantity for spread in position.spreads for lot in spread.lots}
    assert set(held) == {leg.symbol for leg in suggestion.legs}


async def _in_status(world: World, order_id: UUID, status: str) -> OrderView:
    async def look() -> OrderView | None:
        found = await world.order(order_id)
        return found if found.status == status else None

    return await world.until(f"the order is {status}", look)


async def _happened(world: World, order_id: UUID | None, action: str) -> bool:
    assert order_id is not None
    return action in {each.action for each in await world.console.reads.order_events(order_id)}
