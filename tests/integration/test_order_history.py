"""How far back the broker's orders are read, and what of them comes into the books."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from senex.domain.orders import OrderStatus, TimeInForce
from senex.ports.broker import Accepted, Ticket
from senex.services.resolve import HORIZON
from tests.contract.simulator_books import put
from tests.integration.ledger_world import Account, account, buy, sell
from tests.integration.test_resolve import age, lose
from tests.integration.test_use_cases import Desk, desk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["desk"]

FRIDAY, LATER = date(2026, 6, 5), date(2026, 6, 16)


@pytest.fixture
async def books(database_url: str, console_url: str, owner_url: str) -> AsyncIterator[Account]:
    async with account((database_url, console_url, owner_url)) as opened:
        await opened.start()
        yield opened


async def _strangers(books: Account, job: str) -> list[str]:
    """The orders made elsewhere that are remembered once the slot is done."""
    mine = await books.desk.account()
    await books.desk.offer(job, mine, mine)
    await books.settle()
    async with books.engine.connect() as connection:
        found = await connection.execute(text("SELECT object_id FROM alarm WHERE code = 'FOREIGN_ORDER'"))
        return list(found.scalars())


async def test_what_was_made_and_ended_elsewhere_while_senex_was_away_is_found_by_the_history_s_slot(
    books: Account,
) -> None:
    spot = int(books.world.close_of("QQQ", FRIDAY))
    async with books.desk.units() as tx:
        number = (await tx.accounts.get(await books.desk.account())).number
    legs = sell(put("QQQ", FRIDAY, spot - 8)), buy(put("QQQ", FRIDAY, spot - 15))
    ticket = Ticket(number, legs, Decimal("6.90"), TimeInForce.DAY, "mine-not-yours", False)
    sent = await books.desk.broker.submit(ticket)
    assert isinstance(sent, Accepted)
    await books.desk.broker.cancel(number, sent.order.id)
    books.world.jump(LATER, 11)

    assert await _strangers(books, "monitor_open_orders") == []
    assert await _strangers(books, "sync_order_history") == [sent.order.id]
    assert await _strangers(books, "sync_order_history") == [sent.order.id]


@pytest.mark.parametrize("days", [14, 42])
@pytest.mark.parametrize("job", ["monitor_open_orders", "sync_order_history", "reconcile"])
async def test_an_answer_lost_long_ago_is_looked_for_as_far_back(desk: Desk, job: str, days: int) -> None:
    order = await desk.order(await lose(desk, arrived=True))
    (theirs,) = desk.broker.orders.values()
    desk.broker.fill(theirs.id, desk.mids(order))
    desk.broker.past[theirs.id] = desk.clock.now().date()
    desk.clock.advance(timedelta(days=days))
    await age(desk, HORIZON)
    for work in await desk.work():  # what was to look for it at once was lost with the machine
        await _drop(desk, work.id)
    mine = await desk.account()
    await desk.offer(job, mine, mine)
    await desk.drain()

    assert (await desk.order(order.id)).status is OrderStatus.FILLED
    async with desk.units() as tx:
        held = await tx.positions.booked(mine)
    assert {symbol: count for symbol, (_, count) in held.items()} == {
        leg.symbol: leg.signed_quantity for leg in order.legs
    }


async def _drop(desk: Desk, work_id: int) -> None:
    async with desk.engine.begin() as connection:
        await connection.execute(
            text("UPDATE outbox SET done_at = clock_timestamp() WHERE id = :id"), {"id": work_id}
        )
