"""What an approval begins for its order is used once, by its own process, and decides nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from senex.domain.decisions import DecisionKind
from senex.domain.orders import AttemptStatus, OrderKind, OrderStatus
from senex.services.ahead import Ahead
from senex.services.context import Postponed
from tests.integration.test_one_post import order_of, undone, watched
from tests.integration.test_use_cases import Desk, desk

if TYPE_CHECKING:
    from senex.ports.records import Work

__all__ = ["desk"]


async def approved(desk: Desk) -> Work:
    """Approve a suggestion and consume the approval; the work that will send the order."""
    await desk.approval(await desk.suggest())
    await desk.run((await desk.work())[0])
    return next(each for each in await desk.work() if each.job == "execute")


async def test_the_broker_is_asked_once_and_the_order_is_not_read_again(desk: Desk) -> None:
    watching, broker = watched(desk)
    work = await approved(watching)
    async with desk.engine.begin() as connection:  # only who reads would notice
        await connection.execute(text("UPDATE trade_order SET limit_price = limit_price - 0.05"))
    [written] = await desk.orders(OrderKind.ENTRY)
    await watching.run(work)
    assert broker.asked == ["prepare", "dry run", "submit"]
    [post] = broker.posts
    assert post.limit_price > written.limit_price


async def test_what_was_cancelled_meanwhile_is_not_sent(desk: Desk) -> None:
    work = await approved(desk)
    order_id = await order_of(desk, work)
    await desk.decide(DecisionKind.CANCEL_ORDER, order_id=order_id)
    for each in await desk.work():
        if each.job != "execute":
            await desk.run(each)
    assert (await desk.order(order_id)).status is OrderStatus.CANCELLED
    with pytest.raises(Postponed, match="Another process took this order"):
        await desk.run(work)
    await desk.run(work)  # as it is offered again: now it is read
    assert not await undone(desk, work)
    assert desk.broker.posts == []


async def test_another_process_sends_it_all_the_same(desk: Desk) -> None:
    work = await approved(desk)
    other = replace(desk.context, ahead=Ahead())
    await Desk(other, desk.broker, desk.quotes, desk.clock, desk.engine).run(work)
    with pytest.raises(Postponed, match="Another process took this order"):
        await desk.run(work)
    assert len(desk.broker.posts) == 1
    async with desk.units() as tx:
        assert (await tx.orders.attempt(UUID(work.subject))).status is AttemptStatus.ACCEPTED


async def test_what_the_broker_would_refuse_is_refused(desk: Desk) -> None:
    watching, broker = watched(desk)
    broker.refuses = "no"
    work = await approved(watching)
    await watching.run(work)
    assert broker.posts == []
    assert (await desk.order(await order_of(desk, work))).status is OrderStatus.REJECTED


async def test_of_what_nobody_takes_a_few_are_kept(desk: Desk) -> None:
    work = await approved(desk)
    begun = desk.context.ahead.take(UUID(work.subject))
    assert begun is not None
    assert desk.context.ahead.take(UUID(work.subject)) is None
    ahead, attempts = Ahead(), [replace(begun.case.attempt, id=uuid4()) for _ in range(20)]
    for attempt in attempts:
        ahead.begin(desk.broker, replace(begun.case, attempt=attempt))
    assert [ahead.take(attempt.id) is not None for attempt in attempts] == [False] * 4 + [True] * 16
