"""Before anything goes out that closes: with all else that closes it, never more than is open (invariant I14)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from senex.domain.orders import BrokerStatus, Order, OrderKind, OrderStatus
from senex.services.context import Postponed
from senex.services.intents import intend
from tests.integration.test_exits import opened, orders, quote, working
from tests.integration.test_use_cases import Desk, desk

if TYPE_CHECKING:
    from senex.domain.positions import Position

__all__ = ["desk"]


async def _target(desk: Desk, held: Position, spread: str = "put-1") -> Order:
    targets = await orders(desk, held.id, OrderKind.TARGET)
    return next(each for each in targets if each.spread_key == spread)


async def _also_closes(desk: Desk, target: Order, *, spread: str | None) -> Order:
    """A close of what the target closes, written past all that would have made room for it, and then sent."""
    lines = tuple(replace(line, filled=0) for line in target.lines)
    close = replace(
        target,
        id=uuid4(),
        kind=OrderKind.CLOSE,
        spread_key=spread,
        status=OrderStatus.INTENDED,
        broker_order_id=None,
        lines=lines,
    )
    async with desk.units() as tx:
        await intend(tx, close, actor="trader", why="a test", now=desk.clock.now())
        await tx.commit()
    await desk.drain()
    return await desk.order(close.id)


async def _take_away(desk: Desk, order: Order) -> None:
    assert order.broker_order_id is not None
    desk.broker.end(order.broker_order_id, BrokerStatus.CANCELLED)
    await desk.alert(order.broker_order_id)


@pytest.mark.parametrize("spread", ["put-1", None])
async def test_what_a_target_may_still_close_is_not_closed_twice(desk: Desk, spread: str | None) -> None:
    held = await opened(desk)
    sent = len(desk.broker.posts)
    close = await _also_closes(desk, await _target(desk, held), spread=spread)
    assert close.status is OrderStatus.REJECTED
    assert len(desk.broker.posts) == sent


async def test_what_a_close_of_all_may_still_close_is_not_closed_twice(desk: Desk) -> None:
    held = await opened(desk)
    target = await _target(desk, held)
    await _take_away(desk, target)
    close = await _also_closes(desk, target, spread=None)
    assert close.status is OrderStatus.WORKING
    again = await _also_closes(desk, target, spread="put-1")
    assert again.status is OrderStatus.REJECTED


async def test_what_closes_another_position_is_not_counted(desk: Desk) -> None:
    await opened(desk)
    quote(desk, spot=515.3)
    await opened(desk)
    async with desk.units() as tx:
        held = await tx.positions.open(await desk.account())
    assert [len(working(await orders(desk, each.id, OrderKind.TARGET))) for each in held] == [3, 3]


async def test_no_target_is_sent_before_a_reconcile(desk: Desk) -> None:
    held = await opened(desk)
    target = await _target(desk, held)
    await _take_away(desk, target)
    async with desk.units() as tx:
        await tx.accounts.unready(await desk.account(), reason="alerts were missed", now=desk.clock.now())
        await tx.commit()
    with pytest.raises(Postponed, match="alerts were missed"):
        await _also_closes(desk, target, spread="put-1")
