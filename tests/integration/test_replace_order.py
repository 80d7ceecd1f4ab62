"""An operator's new price for an order: what makes no sense is refused, an entry stays inside what was approved."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from senex.domain.decisions import DecisionKind
from senex.domain.orders import OrderKind, OrderStatus
from tests.integration.test_use_cases import Desk, desk

if TYPE_CHECKING:
    from senex.domain.orders import Order

__all__ = ["desk"]
D = Decimal


async def _decide(desk: Desk, order: Order, price: Decimal) -> tuple[str, str]:
    decision = await desk.decide(DecisionKind.REPLACE_ORDER, order_id=order.id, price=price)
    await desk.drain()
    return await desk.answer(decision)


async def _target(desk: Desk) -> Order:
    await desk.fill(await desk.approve(await desk.suggest()))
    return next(each for each in await desk.orders(OrderKind.TARGET) if each.spread_key == "put-1")


async def test_a_target_moves_to_the_price_that_was_decided(desk: Desk) -> None:
    target = await _target(desk)
    price = target.limit_price - D("0.10")
    assert await _decide(desk, target, price) == ("done", "OK")
    [new] = [each for each in await desk.orders(OrderKind.TARGET) if each.replaces_id == target.id]
    assert (new.status, new.limit_price, new.spread_key) == (OrderStatus.WORKING, price, "put-1")
    # the plan does not set it back
    await desk.offer("mend_position", target.position_id, target.account_id)
    await desk.drain()
    assert (await desk.order(new.id)).status is OrderStatus.WORKING
    # until the broker says that the old one is gone, it is being replaced
    assert await _decide(desk, target, price) == ("refused", "E_ORDER_REPLACING")


@pytest.mark.parametrize("price", ["-0.123", "0.50", "-50.00"])
async def test_a_price_without_sense_is_refused(desk: Desk, price: str) -> None:
    target = await _target(desk)
    sent = len(desk.broker.posts)
    assert await _decide(desk, target, D(price)) == ("refused", "E_PRICE")
    assert len(desk.broker.posts) == sent


async def test_an_entry_stays_inside_its_approved_band(desk: Desk) -> None:
    entry = await desk.order(await desk.approve(await desk.suggest()))
    assert entry.band is not None
    assert await _decide(desk, entry, entry.band.low - D("0.01")) == ("refused", "E_PRICE_OUTSIDE")
    price = entry.limit_price - D("0.01")
    assert entry.band.holds(price)
    assert await _decide(desk, entry, price) == ("done", "OK")
    async with desk.units() as tx:
        orders = await tx.orders.of_position(entry.position_id)
    [new] = [each for each in orders if each.replaces_id == entry.id]
    assert (new.status, new.limit_price) == (OrderStatus.WORKING, price)
    assert new.valid_until is not None


async def test_an_entry_whose_market_leaves_the_band_before_it_is_sent_is_not(desk: Desk) -> None:
    entry = await desk.order(await desk.approve(await desk.suggest()))
    sent = len(desk.broker.posts)
    price = entry.limit_price - D("0.01")
    decision = await desk.decide(DecisionKind.REPLACE_ORDER, order_id=entry.id, price=price)
    [work] = await desk.work()
    await desk.run(work)
    assert await desk.answer(decision) == ("done", "OK")
    desk.dearer(3)
    await desk.drain()
    [new] = [each for each in await desk.orders(OrderKind.ENTRY) if each.replaces_id == entry.id]
    assert new.status is OrderStatus.REJECTED
    assert (await desk.order(entry.id)).status is OrderStatus.WORKING
    assert len(desk.broker.posts) == sent


async def test_a_cancel_takes_back_the_replacement_that_was_not_sent(desk: Desk) -> None:
    target = await _target(desk)
    sent = len(desk.broker.posts)
    await desk.decide(DecisionKind.REPLACE_ORDER, order_id=target.id, price=target.limit_price - D("0.10"))
    [work] = await desk.work()
    await desk.run(work)
    cancel = await desk.decide(DecisionKind.CANCEL_ORDER, order_id=target.id)
    [work] = [each for each in await desk.work() if each.job == "decide"]
    await desk.run(work)
    assert await desk.answer(cancel) == ("done", "OK")
    await desk.drain()
    both = [each for each in await desk.orders(OrderKind.TARGET) if each.spread_key == "put-1"]
    assert {each.status for each in both} == {OrderStatus.CANCELLED}
    assert len(desk.broker.posts) == sent


async def test_one_that_has_ended_says_so_before_any_price_is_judged(desk: Desk) -> None:
    entry = await desk.order(await desk.approve(await desk.suggest()))
    await desk.fill(entry.id)
    assert await _decide(desk, entry, D("0.01")) == ("refused", "E_ORDER_DONE")
